# %% [markdown]
# # 16. Cross-validation and tuning
#
# With few rows a single test set says little: another one would give another result. In cross-
# validation each row is tested once, by a model that was not trained on it. This is valid only if
# nothing else has used that row either, neither the scaling of the inputs nor the choice of a
# hyperparameter.

# %%
import os
from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from kerasnn import data, models, selection

seed = int(os.environ.get("SEED", 0))
wine = data.load("wine", seed=seed)
x, y = wine.x_train, wine.y_train

# %% [markdown]
# **Scaling inside the fold.** 13 measurements of wines, from a tenth to a thousand, from three
# growers. `models.mlp` standardises its inputs, and each fold learns mean and variance from its own
# training rows. Without standardisation the large numbers dominate.

# %%
build = partial(models.mlp, 13, 3, task="multiclass", hidden=(16,), learning_rate=0.01)
folds = {}
for name, normalize in (("scaled inside the fold", True), ("not scaled", False)):
    folds[name] = selection.cross_validate(
        partial(build, normalize=normalize), x, y, epochs=30, seed=seed
    )
    print(f"{name}:\n{folds[name]}\n")

# %% [markdown]
# **The best of many.** A search reports the score of its best setting, which is optimistic: the
# setting was chosen because it scored well on these folds. To measure this, use random labels, on
# which nobody can be better than half right, and search over a hyperparameter without influence,
# the seed of the weights. `nested=True` searches again inside the training rows of each outer fold,
# and scores the result on rows that were not used for the choice.

# %%
rng = np.random.default_rng(seed)
build = partial(models.mlp, 13, task="binary", hidden=(8,), learning_rate=0.01)
naive, nested, usual = [], [], []
for _ in range(4):
    coins = rng.permutation(np.arange(60) % 2)
    found = selection.tune(
        build,
        {"seed": list(range(6))},
        x[:60],
        coins,
        cv=2,
        epochs=3,
        batch_size="full",
        nested=True,
        seed=seed,
    )
    naive.append(found.best_score_)
    nested.append(found.nested_score_)
    usual.append(found.cv_results_["mean_test_score"].mean())

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for (name, found), mark, colour in zip(folds.items(), "os", ("#0072B2", "#D55E00"), strict=True):
    left.plot(range(1, 6), found.scores["accuracy"], mark, color=colour, label=name)
    left.axhline(found.mean["accuracy"], color=colour, linestyle="--", linewidth=1)
left.set(xlabel="fold", ylabel="accuracy", ylim=(0.3, 1.03), title="Wines by grower")
left.set_xticks(range(1, 6))
left.legend(loc="lower left")
tosses = range(1, len(naive) + 1)
right.plot(tosses, naive, "s", color="#D55E00", label="best of six, as the search saw it")
right.plot(tosses, nested, "o", color="#0072B2", label="nested: on rows it had not seen")
right.axhline(0.5, color="black", linestyle=":", label="the truth")
right.set(xlabel="toss of all labels", ylabel="accuracy", ylim=(0.3, 0.85))
right.set_title("Labels by tossing a coin")
right.set_xticks(tosses)
right.legend(loc="upper right")
fig.savefig("tutorials/figures/16_cross_validation.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** With scaling inside the fold, nearly all wines are classified correctly; the
# same network without it is far worse. And where nothing can be learned, the best of six seeds
# still scores above the average of the six, though none is better than another. The nested score is
# not optimistic: it is around one half, above or below by chance. The fraction of heads in 240
# coins has a standard deviation of 0.5 / sqrt(240), which is 0.03, and is hardly ever off by four
# of them.

# %%
best, average = np.mean(naive), np.mean(usual)
print(f"Coins: best {best:.3f}, average {average:.3f}, nested {np.mean(nested):.3f}")
scaled, unscaled = (found.mean["accuracy"] for found in folds.values())
assert scaled > 0.92
assert scaled > unscaled + 0.08
assert best > average + 0.02
assert abs(np.mean(nested) - 0.5) < 4 * 0.5 / np.sqrt(240)

# %% [markdown]
# # 19. Transfer learning
#
# A network trained for one task has features that may help with another task. How many of its
# layers to train again depends on the number of examples, and on how similar the tasks are. The
# three regimes train the head alone; then the last block too; or all layers. With 30 labels
# `transfer.regime` recommends the first.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import data, models, transfer

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
random = np.random.default_rng(seed)
split = data.load("digits", test_size=0.5, seed=seed)
print(transfer.regime(n_examples=30, n_classes=10))

# %% [markdown]
# **Two pretrained networks** in VGG's style, trained on noisy copies of the first half of the
# digits. One was trained on all ten classes, the other only on 0 to 4. Both are used on the second
# half, which neither has seen: all digits from 30 labels, and the digits 5 to 9 from 30 labels or
# 200.


# %%
def network(classes):
    return models.cnn(
        (8, 8, 1),
        classes,
        task="multiclass",
        filters=(16, 32),
        convolutions=2,
        hidden=(32,),
        seed=seed,
    )


def pretrained(classes):
    x, y = split.x_train, split.y_train
    x, y = x[y < classes], y[y < classes]
    copies = np.concatenate([x + random.normal(0, 2, x.shape) for _ in range(4)])
    model = network(classes)
    model.fit(copies, np.tile(y, 4), epochs=10, verbose=0)
    return model


all_digits, low_digits = pretrained(10), pretrained(5)

# %% [markdown]
# **From scratch, or by transfer.** `from_backbone` copies all layers before the head of a network,
# and adds a new head. `fine_tune` computes the outputs of frozen layers once, and trains the rest
# on them.


# %%
def accuracies(source, lowest, labels):
    keep = split.y_test >= lowest
    x, y, classes = split.x_test[keep], split.y_test[keep] - lowest, 10 - lowest
    few = np.concatenate([np.flatnonzero(y == c)[: labels // classes] for c in range(classes)])
    test = np.setdiff1d(np.arange(len(y)), few)
    epochs = max(10, 3000 // labels)

    def tested(model):
        return model.evaluate(x[test], y[test], verbose=0, return_dict=True)["accuracy"]

    scratch = network(classes)
    scratch.fit(x[few], y[few], batch_size=10, epochs=epochs, verbose=0)
    found = {"from scratch": tested(scratch)}
    for regime in ("small", "medium", "large"):
        model = transfer.from_backbone(
            source, outputs=classes, task="multiclass", head=(), learning_rate=0.01, seed=seed
        )
        transfer.fine_tune(
            model, x[few], y[few], regime=regime, batch_size=10, epochs=epochs, verbose=0
        )
        found[regime] = tested(model)
    return found


found = {
    "the same digits,\n30 labels": accuracies(all_digits, 0, 30),
    "other digits,\n30 labels": accuracies(low_digits, 5, 30),
    "other digits,\n200 labels": accuracies(low_digits, 5, 200),
}

# %%
fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
colours = ("#999999", "#0072B2", "#E69F00", "#009E73")
for i, (name, colour) in enumerate(zip(found["other digits,\n30 labels"], colours, strict=True)):
    heights = [scores[name] for scores in found.values()]
    bars = ax.bar(np.arange(3) + 0.2 * (i - 1.5), heights, 0.19, color=colour, label=name)
    ax.bar_label(bars, fmt="%.2f", fontsize=8)
ax.set(xticks=range(3), xticklabels=found, ylabel="accuracy on unseen images")
ax.set(ylim=(0, 1.2), yticks=np.arange(0, 1.01, 0.2))
ax.legend(ncols=4, loc="upper center")
fig.savefig("tutorials/figures/19_transfer_learning.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Where the classes are the same, 30 labels and pretrained features are far
# better than 30 labels alone. Where the classes differ, frozen features are **worse**: features
# that separate 0 to 4 separate 5 to 9 less well, and even with 200 labels the head cannot make up
# for it. If all layers are trained further, the transfer costs little, if anything.

# %%
same, few, many = found.values()
print(*(f"{name.replace(chr(10), ' ')}: {scores}" for name, scores in found.items()), sep="\n")
assert min(same[r] for r in ("small", "medium", "large")) > same["from scratch"] + 0.08
assert few["small"] < few["from scratch"]
assert many["small"] < many["from scratch"]
assert many["large"] > many["small"] + 0.03
assert many["large"] > many["from scratch"] - 0.03

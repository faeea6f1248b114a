# %% [markdown]
# # 15. Early stopping
#
# A network that trains for long enough memorises its training rows. Validation rows show when that
# begins: training ends when the validation loss has not improved for a while, and the weights of
# the best epoch are restored.
#
# In the playground: `kerasnn playground`, then `#preset=overfitting` behind the address.

# %%
import os

import keras
import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from kerasnn import callbacks, data, models, plots

seed = int(os.environ.get("SEED", 0))

# %% [markdown]
# **Three parts.** One is for training, one decides when to stop, and the test part is used once, at
# the end: it must have no influence on when that is.

# %%
digits = data.load("digits", seed=seed)
x_train, x_val, y_train, y_val = train_test_split(
    digits.x_train, digits.y_train, test_size=0.2, stratify=digits.y_train, random_state=seed
)
rows = {"x": x_train, "y": y_train, "validation_data": (x_val, y_val)}

# %% [markdown]
# **The same start twice**, once for all epochs, once with patience: training stops after 20 epochs
# without an improvement.

# %%
longest = 300
stopping = callbacks.EarlyStopping(patience=20)
histories, tested = {}, {}
for name, chosen in (("to the end", []), ("stopped", [stopping])):
    keras.utils.set_random_seed(seed)
    model = models.mlp((8, 8, 1), 10, task="multiclass", hidden=(64, 64), learning_rate=0.003)
    histories[name] = model.fit(**rows, epochs=longest, callbacks=chosen, verbose=0)
    loss, accuracy = model.evaluate(digits.x_test, digits.y_test, verbose=0)
    tested[name] = {"loss": loss, "accuracy": accuracy}

# %%
fig, ax = plt.subplots(figsize=(7, 3.8), layout="constrained")
plots.history(histories["to the end"], ax=ax)
stopped = len(histories["stopped"].epoch)
ax.axvline(stopped, color="#009E73", linestyle="-.", label=f"stopped: epoch {stopped}")
ax.set(yscale="log", xlim=(0, longest))
ax.legend(loc="center right")
fig.savefig("tutorials/figures/15_early_stopping.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** The training loss keeps falling long after the validation loss has begun to
# rise. About a tenth of the epochs is enough: the test accuracy is the same within three rows in a
# hundred, and the test loss is lower, because the network is less confident in its mistakes.

# %%
assert stopping.best_epoch_ is not None
best = stopping.best_epoch_ + 1
print(f"The best epoch was {best}, the last {stopped} in place of {longest}")
for name, scores in tested.items():
    print(f"{name}: test loss {scores['loss']:.3f}, test accuracy {scores['accuracy']:.3f}")
assert stopped == best + stopping.patience
assert stopped < longest / 6
assert abs(tested["stopped"]["accuracy"] - tested["to the end"]["accuracy"]) < 0.03
assert tested["stopped"]["loss"] < tested["to the end"]["loss"]

# %% [markdown]
# # 8. Adagrad, Adadelta, RMSprop and Adam against SGD
#
# SGD has one rate for all weights, and a good one has to be found. The other four divide the
# gradient g of each weight by its typical size, so that the same rate suits many problems.
#
# | optimizer | step of a weight, divided by the rate |
# |---|---|
# | SGD | g |
# | Adagrad | g / root of the sum of all g^2: steps shrink during training |
# | RMSprop | g / root of a moving average of g^2: old gradients are forgotten |
# | Adadelta | as RMSprop, times the typical size of the weight's past steps |
# | Adam | a moving average of g, which is momentum, over that of RMSprop |

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import optimizers

from kerasnn import data, models

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
digits = data.load("digits")

# %% [markdown]
# **The comparison.** Each optimizer has the default rate of `torch.optim` (torch starts Adagrad's
# sum at 0), and SGD runs once more with a tuned rate. All train the same network from the same five
# initialisations, on the same batches.

# %%
makers = {
    "SGD, 0.001": lambda: optimizers.SGD(0.001),
    "Adagrad, 0.01": lambda: optimizers.Adagrad(0.01),
    "Adadelta, 1.0": lambda: optimizers.Adadelta(1.0),
    "RMSprop, 0.01": lambda: optimizers.RMSprop(0.01),
    "Adam, 0.001": lambda: optimizers.Adam(0.001),
    "SGD, 0.3": lambda: optimizers.SGD(0.3),
}
epochs = 10
losses = {name: [] for name in makers}
for name, make in makers.items():
    for start in range(5 * seed, 5 * seed + 5):
        model = models.mlp(
            (8, 8, 1), 10, task="multiclass", hidden=(32,), optimizer=make(), seed=start
        )
        history = model.fit(digits.x_train, digits.y_train, epochs=epochs, seed=start, verbose=0)
        losses[name].append(history.history["loss"])
    last = np.array(losses[name])[:, -1]
    print(f"{name:14} loss from {last.min():.3f} to {last.max():.3f}")

# %%
fig, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
colours = ("black", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "black")
at = range(1, epochs + 1)
for (name, runs), colour, style in zip(losses.items(), colours, "-----:", strict=True):
    ax.fill_between(at, np.min(runs, axis=0), np.max(runs, axis=0), color=colour, alpha=0.2)
    ax.semilogy(at, np.median(runs, axis=0), style, color=colour, label=name)
ax.set(xlabel="epoch", ylabel="training loss, nats")
ax.set_xticks(at)
ax.set_title("Digits: median and range of five starts")
fig.legend(title="optimizer, rate", loc="outside right center")
fig.savefig("tutorials/figures/08_optimizers.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** From each of the five initialisations, all adaptive optimizers reach less
# than half of the loss of SGD at its default rate. Adagrad is the slowest of them: Keras starts its
# sum of squares at 0.1, far above the squares of these gradients, and its steps only shrink. But no
# optimizer is best in general: with a tuned rate SGD was ahead of Adam at its default rate every
# time.

# %%
for start in range(5):
    last = {name: runs[start][-1] for name, runs in losses.items()}
    plain, tuned = last.pop("SGD, 0.001"), last.pop("SGD, 0.3")
    assert max(last.values()) < plain / 2
    assert max(last, key=lambda name: last[name]) == "Adagrad, 0.01"
    assert tuned < last["Adam, 0.001"] / 2

# %% [markdown]
# # 4. One hidden layer approximates any continuous function
#
# A network with one hidden layer can approximate any continuous function on a bounded interval to
# any accuracy, if it has enough units. With ReLU the proof is constructive: one straight piece for
# each unit.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasnn
from kerasnn import models

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
x = np.linspace(0, 1, 4097, dtype="float32")[:, None]
y = np.sin(2 * np.pi * x)

# %% [markdown]
# **By hand.** Unit i is relu(x - i/n): a hinge at i/n. Its output weight is the change of slope at
# that point, so that the network is the piecewise linear interpolation of the sine at 0, 1/n, 2/n,
# ..., 1. It is a sum of hat functions, and each hat consists of two or three hinges.


# %%
def hats(n):
    knots = np.linspace(0, 1, n + 1)
    slopes = np.diff(np.sin(2 * np.pi * knots)) * n
    turns = np.diff(slopes, prepend=0)
    hinges = keras.layers.Dense(n, "relu")
    model = kerasnn.Sequential([keras.Input((1,)), hinges, keras.layers.Dense(1, use_bias=False)])
    hinges.set_weights([np.ones((1, n)), -knots[:-1]])
    model.layers[-1].set_weights([turns[:, None]])
    return model


# %% [markdown]
# **The bound.** Between two knots at a distance of h the error of linear interpolation is at most
# h^2 max|f''| / 8, and here h = 1/n and |f''| is at most 4 pi^2. So the error is below pi^2 / (2
# n^2): twice the units, a quarter of the error.

# %%
units = (4, 8, 16, 32, 64)
bound = [np.pi**2 / (2 * n**2) for n in units]
built = [hats(n) for n in units]
by_hand = [np.abs(model.predict(x, verbose=0) - y).max() for model in built]

# %% [markdown]
# **By training.** The existence of a good network does not mean that training finds it. Here the
# hinges start at random positions, and gradient descent moves them to reduce the mean squared
# error, not the largest error.

# %%
found = []
for n in units:
    model = models.mlp(1, task="regression", hidden=(n,), learning_rate=0.01, seed=seed)
    model.fit(x[::16], y[::16], batch_size="full", epochs=2000, seed=seed, verbose=0)
    found.append(model)
trained = [np.abs(model.predict(x, verbose=0) - y).max() for model in found]
for row in zip(units, by_hand, trained, bound, strict=True):
    print("{:3d} units: by hand {:.5f}, trained {:.5f}, bound {:.5f}".format(*row))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
left.plot(x, y, color="black", linewidth=1, label="sin(2 pi x)")
for networks, colour, style, label in (
    (built, "#0072B2", "--", f"by hand, {units[1]} units"),
    (found, "#D55E00", "-.", f"trained, {units[1]} units"),
):
    left.plot(x, networks[1].predict(x, verbose=0), style, color=colour, label=label)
left.set(xlabel="x", ylabel="output")
left.legend()
right.loglog(units, bound, color="black", linewidth=1, label="pi^2 / (2 n^2)")
right.loglog(units, by_hand, "o", color="#0072B2", label="by hand")
right.loglog(units, trained, "s", color="#D55E00", label="trained")
right.set(xlabel="hidden units n", ylabel="largest error on [0, 1]")
right.set_xticks(units, map(str, units), minor=False)
right.minorticks_off()
right.legend()
fig.savefig(
    "tutorials/figures/04_universal_approximation.png", dpi=100, metadata={"Software": None}
)

# %% [markdown]
# **What was learned.** The network built by hand stays below the bound at every size, and each
# doubling divides its error by four. Training also finds a sine, but with a much larger error than
# the same 64 units can reach: existence is not the same as being found.

# %%
assert all(error <= limit for error, limit in zip(by_hand, bound, strict=True))
assert 3.5 < by_hand[-2] / by_hand[-1] < 4.5
assert trained[-1] < 0.15
assert trained[-1] > 5 * by_hand[-1]

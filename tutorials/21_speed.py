# %% [markdown]
# # 21. Speed
#
# Keras runs some Python code for every batch. If a step is small, that takes far longer than the
# step itself. `kerasnn.fit` compiles Keras's own `train_step` into one program that runs many
# batches. The training is the same: the final weights are equal to rounding.

# %%
import os
import statistics
import time
from functools import partial

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasnn
from kerasnn import data

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)

# %% [markdown]
# **Three networks**, in plain Keras, with Adam and batches of 32. The engine is given explicitly,
# since `auto` would not compile for trainings as short as these. On a CPU XLA suits all but
# convolutions.

# %%
moons, digits = data.load("moons", samples=4000, seed=seed), data.load("digits", seed=seed)
dense, convolution = keras.layers.Dense, keras.layers.Conv2D
networks = {
    "2-8-2": (moons, [dense(8, "relu"), dense(2, "softmax")], "xla"),
    "64-64-10": (digits, [keras.layers.Flatten(), dense(64, "relu"), dense(10, "softmax")], "xla"),
    "conv16, 8x8": (
        digits,
        [convolution(16, 3, activation="relu"), keras.layers.Flatten(), dense(10, "softmax")],
        "graph",
    ),
}


def twins(rows, layers):
    """Returns two models of the same architecture and the same weights."""
    first = keras.Sequential([keras.Input(rows.input_shape), *layers])
    pair = first, keras.models.clone_model(first)
    pair[1].set_weights(first.get_weights())
    for model in pair:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return pair


# %% [markdown]
# **A fair measurement.** Both train on the same rows in the same order. The first calls, in which
# both trace and compile, are timed separately. Then the two take turns, so that a busy machine
# slows both, and each round gives a ratio.

# %%
ratios, first_s, differences = {}, {}, {}
for name, (rows, layers, engine) in networks.items():
    slow, fast = twins(rows, layers)
    how = {"batch_size": 32, "epochs": 2, "shuffle": False, "verbose": 0}
    fits = slow.fit, partial(kerasnn.fit, fast, engine=engine)
    seconds = [], []
    for _ in range(8):
        for fit, taken in zip(fits, seconds, strict=True):
            began = time.perf_counter()
            fit(rows.x_train, rows.y_train, **how)
            taken.append(time.perf_counter() - began)
    first_s[name] = seconds[0][0], seconds[1][0]
    ratios[name] = [keras_s / kerasnn_s for keras_s, kerasnn_s in zip(*seconds, strict=True)][1:]
    pairs = zip(slow.get_weights(), fast.get_weights(), strict=True)
    differences[name] = max(np.abs(one - other).max() for one, other in pairs)

# %%
fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for place, rounds in enumerate(ratios.values()):
    ax.plot(rounds, [place] * len(rounds), "o", color="#0072B2", alpha=0.4, markersize=4)
    ax.plot(statistics.median(rounds), place, "|", color="black", markersize=16)
ax.axvline(1, color="#D55E00", linestyle="--", label="Keras's fit")
ax.set_yticks(range(len(ratios)), list(ratios))
ax.set(xscale="log", xlim=(0.5, 1000), ylim=(2.5, -0.5), ylabel="network")
ax.set_xlabel("times as fast as Keras: seven rounds (dots), median (line)")
ax.legend(loc="upper right")
fig.savefig("tutorials/figures/21_speed.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** After compilation, the same training takes a fraction of Keras's time. These
# are trainings of 90 or 200 steps: the fixed cost of each call of `fit` is included in the ratios,
# and matters less in a longer training. Compiling takes a second or two, so `auto` uses XLA only if
# the remaining steps will save that time.

# %%
medians = {name: statistics.median(rounds) for name, rounds in ratios.items()}
for name, median in medians.items():
    keras_s, kerasnn_s = first_s[name]
    print(
        f"{name:12} {median:5.1f} times as fast; first run {keras_s:.1f} s by Keras, "
        f"{kerasnn_s:.1f} s compiled; weights differ by {differences[name]:.0e}"
    )
assert max(differences.values()) < 1e-3
assert medians["2-8-2"] > 5
assert medians["64-64-10"] > 3
assert medians["conv16, 8x8"] > 1.2

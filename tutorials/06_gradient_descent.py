# %% [markdown]
# # 6. Gradient descent: batch, mini-batch, stochastic
#
# The gradient of the loss is a mean over all rows. A mean over some of them is an estimate, cheaper
# but noisier. The noise follows a simple law, and the paths of the weights show its effect.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasnn
from kerasnn import autodiff

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)
rows = 256
x = rng.uniform(-0.5, 1.5, (rows, 1)).astype("float32")
y = 2 * x - 1 + rng.normal(0, 0.5, x.shape).astype("float32")

# %% [markdown]
# **The spread.** A line has two weights, slope w and offset b. At one point, here w = b = 0, every
# row has its own gradient: a row of the Jacobian of all losses. A batch averages the gradients of
# its rows. The standard deviation of a mean of n rows, drawn with replacement, is that of one row
# divided by sqrt(n).


# %%
design = np.column_stack([x, np.ones_like(x)])


def losses(line):
    return (design @ line[:, None] - y)[:, 0] ** 2


by_row = np.asarray(autodiff.jacobian(losses, np.zeros(2, "float32")))
sizes = 2 ** np.arange(9)
spreads = []
for size in sizes:
    estimates = by_row[rng.integers(rows, size=(5000, size))].mean(axis=1)
    spreads.append(np.sqrt(estimates.var(axis=0).sum()))
constant = spreads * np.sqrt(sizes)
print("spread x sqrt(batch):", constant.round(2))

# %% [markdown]
# **The paths.** The same line, the same initial weights, the same rate and the same number of
# steps; only the batch size differs. A callback stores the weights after every batch.

# %%
steps = 96


def path(batch_size, epochs):
    line = keras.layers.Dense(1, kernel_initializer="zeros")
    model = kerasnn.Sequential([keras.Input((1,)), line])
    model.compile(keras.optimizers.SGD(0.2), loss="mean_squared_error")
    places = [[0.0, 0.0]]

    def note(batch, logs):
        places.append([weight.item() for weight in model.get_weights()])

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    model.fit(
        x, y, batch_size=batch_size, epochs=epochs, callbacks=[callback], seed=seed, verbose=0
    )
    return np.array(places[: steps + 1])


paths = {
    "stochastic, 1 row": path(1, 1),
    "mini-batch, 16 rows": path(16, steps * 16 // rows),
    "batch, all rows": path("full", steps),
}
lowest = np.linalg.lstsq(design, y)[0][:, 0]
wander = [np.linalg.norm(p[steps // 2 :] - lowest, axis=1).mean() for p in paths.values()]
for name, distance in zip(paths, wander, strict=True):
    print(f"{name}: {distance:.4f} from the minimum in the second half of the steps")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9), layout="constrained")
left.loglog(sizes, spreads, "o", color="#0072B2", label="measured")
law = np.sqrt(by_row.var(axis=0).sum() / sizes)
left.loglog(sizes, law, color="black", linewidth=1, label="of one row / sqrt(batch)")
left.set(xlabel="batch, rows", ylabel="spread of the gradient")
left.set_xticks(sizes[::2], map(str, sizes[::2]))
left.set_yticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
left.minorticks_off()
left.legend()
w, b = np.meshgrid(np.linspace(-0.3, 2.8, 80), np.linspace(-1.7, 0.7, 80))
surface = np.mean((design @ [w.ravel(), b.ravel()] - y) ** 2, axis=0).reshape(w.shape)
levels = surface.min() + np.array([0.05, 0.3, 1, 3])
right.contour(w, b, surface, levels=levels, colors="0.7", linewidths=0.8)
for (name, places), colour in zip(paths.items(), ("#D55E00", "#0072B2", "black"), strict=True):
    right.plot(*places.T, color=colour, linewidth=1, label=name)
right.set(xlabel="slope w", ylabel="offset b", title="Paths on the loss")
right.legend(fontsize="small", loc="lower left")
fig.savefig("tutorials/figures/06_gradient_descent.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Four times the rows halve the noise of a gradient: its spread times
# sqrt(batch size) is constant from 1 row to 256. So small batches and many steps pay off. With a
# constant rate only full-batch descent converges; the others end in a cloud around the minimum, the
# wider the smaller the batch. Tutorial 9 reduces the rate for that.

# %%
assert constant.max() / constant.min() < 1.12
stochastic, mini_batch, batch = wander
assert batch < mini_batch / 3
assert mini_batch < stochastic / 2

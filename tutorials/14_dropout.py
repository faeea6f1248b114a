# %% [markdown]
# # 14. Dropout
#
# In training, dropout sets each output of a layer to zero with probability p, independently at
# every step, and multiplies the others by 1 / (1 - p). No unit can rely on another, and every step
# trains a different subnetwork.
#
# In the playground: `kerasnn playground`, then `#preset=dropout` or `#preset=ensemble` behind the
# address.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import data, layers, models

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)

# %% [markdown]
# **The expectation is kept.** Kept outputs are scaled up by as much as is lost on average, so
# inference needs no dropout and no scaling.

# %%
ones = keras.ops.ones((1000, 1000))
dropped = layers.Dropout(0.3)(ones, training=True).numpy()
print(f"Of a million ones {np.mean(dropped == 0):.4f} are zero; the mean is {dropped.mean():.4f}")

# %% [markdown]
# **Noisy labels.** Four in ten training digits get a random label. A large network memorises them,
# and reads new digits worse. Dropout makes memorising difficult.

# %%
digits = data.load("digits", seed=seed)
x, y, x_test = digits.x_train.reshape(-1, 64), digits.y_train, digits.x_test.reshape(-1, 64)
rng = np.random.default_rng(seed)
noisy = np.where(rng.random(len(y)) < 0.4, rng.integers(0, 10, len(y)), y)
curves = {}
for rate in (0.0, 0.7):
    model = models.mlp(64, 10, task="multiclass", hidden=(512,), dropout=rate, seed=seed)
    history = model.fit(
        x, noisy, epochs=60, validation_data=(x_test, digits.y_test), seed=seed, verbose=0
    )
    curves[rate] = history.history

# %% [markdown]
# **An ensemble.** A mask leaves a thinned network. Compared are fifty of them one by one, the mean
# of their probabilities, and the full network in one pass.

# %%
thinned = np.array([model(x_test, training=True) for _ in range(50)])
whole = model.predict(x_test, verbose=0)
predictions = {"a thinned one": thinned, "mean of 50": thinned.mean(axis=0), "whole": whole}
right = {name: np.mean(p.argmax(axis=-1) == digits.y_test) for name, p in predictions.items()}
agree = np.mean(whole.argmax(axis=1) == thinned.mean(axis=0).argmax(axis=1))
print({name: f"{score:.3f}" for name, score in right.items()}, f"the last two agree on {agree:.1%}")

# %% [markdown]
# **Uncertainty.** Where the thinned networks disagree, the network is uncertain. `predict_mc`
# evaluates 400 of them on a sine of which only [0, 1] was in the training data. Beside it is an
# ensemble of ten networks without dropout, which share no weights and are trained at once.

# %%
sine = data.load("sine", samples=200, noise=0.1, seed=seed)
model = models.mlp(1, task="regression", hidden=(128, 128), dropout=0.1, seed=seed)
ten = models.ensemble(lambda: models.mlp(1, task="regression", hidden=(64, 64)), 10, seed=seed)
for one in (model, ten):
    one.fit(sine.x_train, sine.y_train, epochs=400, seed=seed, verbose=0)
grid = np.linspace(-1, 2, 151, dtype="float32")
far = np.abs(grid - 0.5) > 1
parts = (np.abs(grid - 0.5) <= 0.5, (np.abs(grid - 0.5) > 0.5) & ~far, far)
moments = {
    "mean of 400 thinned networks": layers.predict_mc(model, grid[:, None], n=400, seed=seed),
    "mean of an ensemble of 10": ten.predict_uncertainty(grid[:, None]),
}
levels = [[float(std[part].mean()) for part in parts] for _, std in moments.values()]

# %%
fig, (left, *beside) = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
for rate, colour in ((0.0, "#D55E00"), (0.7, "#0072B2")):
    epochs = range(1, 61)
    left.plot(
        epochs, curves[rate]["accuracy"], "--", color=colour, label=f"p = {rate}: noisy labels"
    )
    left.plot(epochs, curves[rate]["val_accuracy"], color=colour, label=f"p = {rate}: new digits")
left.set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1), title="Four labels in ten are chance")
left.legend(loc="lower right", fontsize="small")
for ax, (name, (mean, std)) in zip(beside, moments.items(), strict=True):
    low, high = (mean + sign * 2 * std for sign in (-1, 1))
    ax.fill_between(grid, low[:, 0], high[:, 0], color="#C6E6F7", label="two standard deviations")
    ax.plot(grid, mean[:, 0], color="#0072B2", label=name)
    ax.plot(sine.x_train, sine.y_train, ",", color="black", label="data")
    ax.set(xlabel="x", ylabel="y", ylim=(-4, 7))
    ax.set_title("Unsure where there was no data", fontsize="medium")
    ax.legend(loc="upper left", fontsize="small")
fig.savefig("tutorials/figures/14_dropout.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Dropout keeps the expectation. It prevents a large network from memorising
# wrong labels, so that it reads new digits better. The full network predicts almost as the mean of
# its thinned networks does, in one pass, and both are more accurate than a single thinned network.
# And the thinned networks disagree the more, the further an input is from the data. So do those of
# an ensemble, which agree more closely where there is data, and differ more where there is none.

# %%
print("deviation in the data, beside it, and far away:", np.round(levels, 3).tolist())
accuracy = {rate: curve["val_accuracy"][-1] for rate, curve in curves.items()}
assert abs(dropped.mean() - 1) < 0.005
assert accuracy[0.7] > accuracy[0.0] + 0.06
assert min(right["mean of 50"], right["whole"]) > right["a thinned one"] + 0.08
assert agree > 0.93
thinned_levels, ten_levels = levels
for level in levels:
    assert level[2] > 1.3 * level[1] > 1.3 * 1.3 * level[0]
assert ten_levels[0] < 0.7 * thinned_levels[0]
assert ten_levels[2] > 1.5 * ten_levels[0] * thinned_levels[2] / thinned_levels[0]

# %% [markdown]
# # 23. Better by default
#
# On tables, gradient boosting is often ahead of neural networks. Much of that lies in defaults: the
# network of the lecture becomes here, one part at a time, that of `models.tabular`, the recipe of
# RealMLP (Holzmueller et al., 2024); in the end `models.pack` trains many at once. The table is
# Friedman's, y = 10 sin(pi x_1 x_2) + 20 (x_3 - 1/2)^2 + 10 x_4 + 5 x_5 + noise of ten columns.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score

from kerasnn import Sequential, fit_many, layers, models, optimizers, schedules
from kerasnn.callbacks import EarlyStopping

seed = int(os.environ.get("SEED", 0))
seeds = range(5 * seed, 5 * seed + 5)

# %% [markdown]
# **The parts.** Inputs are scaled by median and quartiles within bounds. Mish is a smooth ReLU.
# In the neural tangent parametrisation kernels have entries of order one, so that a rate of 0.2
# suits all layers; a factor for each column selects columns. AdamW's rate goes up and down four
# times, and ends at 0, as dropout does. Periodic embeddings give each number learned waves.

# %%
parts = ("robust scale", "3 x 64", "Mish", "NTK and column factors", "schedule, AdamW")
parts += ("dropout", "periodic embeddings", "parametric activation")


def network(has):
    """Returns the lecture's network with some of the parts."""
    ntk = "NTK and column factors" in has
    g = "mish" if "Mish" in has else "relu"
    stack = [keras.Input((10,))]
    stack.append(layers.RobustScale() if "robust scale" in has else layers.Standardize())
    stack += [layers.PeriodicEmbedding()] * ("periodic embeddings" in has)
    stack += [layers.Scale()] * ntk
    for units in (64, 64, 64) if "3 x 64" in has else (32, 32):
        he = keras.layers.Dense(units, kernel_initializer="he_normal")
        stack.append(layers.NTKDense(units, data_driven=True) if ntk else he)
        kind = layers.ParametricActivation if parts[-1] in has else keras.layers.Activation
        stack += [kind(g), *[layers.Dropout(0.15, anneal=True)] * ("dropout" in has)]
    stack.append(layers.NTKDense(1, data_driven=True) if ntk else keras.layers.Dense(1))
    model = Sequential([*stack, layers.Standardize(invert=True)])
    optimizer = keras.optimizers.Adam(0.05 if ntk else 1e-3)
    if "schedule, AdamW" in has:
        decay = {"weight_decay": 0.02, "decay_factors": {"kernel": 1.0, "scale": 36.0}}
        optimizer = optimizers.AdamW(schedules.CosineLog(0.2), beta_2=0.95, **decay)
    model.compile(optimizer, "mse")
    return model


# %% [markdown]
# **Five seeds** of data and weights, trained at once by `fit_many`. A fifth of the rows chooses the
# epoch. What counts is the error on new rows without noise, as a part of their variance: 1 - R2.

# %%
tables = [make_friedman1(467, noise=1.0, random_state=s) for s in seeds]
tests = [make_friedman1(1000, noise=0.0, random_state=1000 + s) for s in seeds]
x, y = map(np.concatenate, zip(*tables, strict=True))
rows = [np.arange(467 * i + 93, 467 * (i + 1)) for i in range(5)]
best = [np.arange(467 * i, 467 * i + 93) for i in range(5)]


def errors(trained, **how):
    """Returns 1 - R2 of each seed's model on its new rows."""
    pairs = zip(trained, tests, strict=True)
    return np.array([1 - r2_score(new[1], one.predict(new[0], **how)) for one, new in pairs])


table = {}
for i, name in enumerate(("the lecture's network", *parts)):
    keras.utils.set_random_seed(seed)
    networks = [network(parts[:i]) for _ in seeds]
    stop = [[EarlyStopping(patience=128)] for _ in seeds]
    how = {"epochs": 128, "batch_size": 128, "callbacks": stop, "seeds": [*seeds], "verbose": 0}
    fit_many(networks, x, y, rows=rows, validation_rows=best, **how)
    table[name] = errors(networks, verbose=0)
packs = [models.pack(10, task="regression", n=16, seed=s) for s in seeds]
for pack, own in zip(packs, tables, strict=True):
    pack.fit(*own, verbose=0, seed=seed)
table["a pack"] = errors(packs, verbose=0)
boosting = [HistGradientBoostingRegressor(random_state=0).fit(*own) for own in tables]
table["gradient boosting"] = errors(boosting)

# %%
fig, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
for i, (name, values) in enumerate(table.items()):
    colour = {"a pack": "#009E73", "gradient boosting": "#D55E00"}.get(name, "#0072B2")
    ax.plot(values, np.full(len(seeds), i), "o", color=colour, alpha=0.4, markersize=5)
    ax.plot([values.mean()] * 2, [i - 0.3, i + 0.3], color=colour, linewidth=2.5)
ax.set_yticks(range(len(table)), [f"+ {name}" if name in parts else name for name in table])
ax.set(xscale="log", xlabel="error on new rows, 1 - R2: five seeds, and their mean")
ax.invert_yaxis()
fig.savefig("tutorials/figures/23_better_by_default.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Input scale, Mish, and most of all the neural tangent parametrisation
# take most of the error away. More units alone gain nothing, and the last four parts little:
# they are for other tables. A pack is better still; boosting is behind both.

# %%
mean = {name: values.mean() for name, values in table.items()}
for (name, values), before in zip(table.items(), [np.nan, *mean.values()], strict=False):
    print(f"{name:24} error {values.mean():.4f}, {values.mean() / before:.2f} of that before")
assert mean["robust scale"] < 0.9 * mean["the lecture's network"]
assert mean["3 x 64"] > 0.8 * mean["robust scale"]
assert mean["Mish"] < 0.8 * mean["3 x 64"]
assert mean["NTK and column factors"] < 0.6 * mean["Mish"]
assert mean[parts[-1]] < 0.3 * mean["the lecture's network"]
assert mean[parts[-1]] < 0.7 * mean["gradient boosting"]
assert mean["a pack"] < 0.9 * mean[parts[-1]]
built = models.tabular(10, task="regression", hidden=(64, 64, 64))
assert [type(layer) for layer in built.layers] == [type(layer) for layer in network(parts).layers]

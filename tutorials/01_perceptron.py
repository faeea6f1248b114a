# %% [markdown]
# # 1. The perceptron
#
# A perceptron outputs 1 where a weighted sum of its inputs exceeds a threshold, and 0 elsewhere.
# Rosenblatt's rule changes the weights only after a mistake, by w <- w + (y - y_hat) x.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import data, models, plots

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)

# %% [markdown]
# **Three gates, three formulations.** The threshold can be stored as a bias, as a threshold, or as
# one more weight of an input that is always 1. With batches of one row, the mean absolute error of
# an epoch is the fraction of rows that were misclassified when they were used.

# %%
gates = {name: data.load(name) for name in ("and", "or", "xor")}
formulations = ("bias", "threshold", "weight")
epochs = 50
perceptrons, mistakes = {}, {}
for gate, rows in gates.items():
    for formulation in formulations:
        model = models.perceptron(2, formulation=formulation)
        history = model.fit(
            rows.x_train, rows.y_train, batch_size=1, epochs=epochs, seed=seed, verbose=0
        )
        perceptrons[gate, formulation] = model
        mistakes[gate, formulation] = np.rint(4 * np.array(history.history["loss"])).astype(int)

# %% [markdown]
# **Novikoff's bound.** If a plane through the origin separates the classes of all rows (x, 1) with
# a distance of at least gamma, and no row is longer than R, then Rosenblatt's rule, starting from
# weights of zero, makes at most R^2 / gamma^2 mistakes, in any order of the rows and any number of
# epochs. These are the best planes (w1, w2, b) for AND and OR. For XOR there is none.

# %%
planes = {"and": (2, 2, -3), "or": (2, 2, -1)}
bounds = {}
for gate, plane in planes.items():
    rows = np.column_stack([gates[gate].x_train, np.ones(4)])
    signs = 2 * gates[gate].y_train - 1
    gamma = np.min(signs * (rows @ plane)) / np.linalg.norm(plane)
    assert gamma > 0
    bounds[gate] = round((rows**2).sum(axis=1).max() / gamma**2)

# %%
fig, (left, middle, ax) = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for gate, panel in (("and", left), ("xor", middle)):
    rows = gates[gate]
    plots.decision_boundary(perceptrons[gate, "bias"], rows.x_train, rows.y_train, ax=panel)
    panel.get_legend().set_loc("center left")
    panel.set_title(f"{gate.upper()} after {epochs} epochs")
for gate, colour, style in zip(gates, ("#0072B2", "#D55E00", "#009E73"), "-:.", strict=True):
    total = np.cumsum(mistakes[gate, "bias"])
    ax.plot(range(1, epochs + 1), total, style, color=colour, label=gate.upper())
    if gate in bounds:
        ax.axhline(bounds[gate], color=colour, linestyle="--", linewidth=1)
        ax.text(epochs, bounds[gate] + 2, f"bound for {gate.upper()}", ha="right", color=colour)
ax.set(xlabel="epoch", ylabel="mistakes so far", title="Novikoff's bounds")
ax.legend(loc="upper left")
fig.savefig("tutorials/figures/01_perceptron.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** The perceptron learns AND and OR with far fewer mistakes than the bound
# allows, and then makes no more. On XOR every epoch contains a mistake: an epoch without one would
# mean that a line separates the classes, and there is none. The three formulations make the same
# mistakes in each epoch and end at the same line.

# %%
for gate, rows in gates.items():
    total = mistakes[gate, "bias"].sum()
    print(f"{gate.upper()}: {total} mistakes in {epochs} epochs, bound {bounds.get(gate)}")
    if gate in bounds:
        assert total < bounds[gate] / 2
        assert mistakes[gate, "bias"][-1] == 0
    else:
        assert mistakes[gate, "bias"].min() >= 1
    for formulation in formulations:
        model = perceptrons[gate, formulation]
        right = model.evaluate(rows.x_train, rows.y_train, verbose=0)[1] == 1
        assert right == (gate in bounds)
        np.testing.assert_array_equal(mistakes[gate, formulation], mistakes[gate, "bias"])
        line = model.layers[-1].convert("weight").get_weights()[0]
        first = perceptrons[gate, "bias"].layers[-1].convert("weight").get_weights()[0]
        np.testing.assert_array_equal(line, first)

# %% [markdown]
# # 13. L1 and L2
#
# A penalty keeps weights small. L2, the sum of squares, makes all weights smaller, distributes them
# over correlated features, and makes none of them zero. L1, the sum of absolute values, reduces
# each by the same amount until it is zero: it selects features. Here a logistic regression
# classifies tumours by 30 measurements.
#
# In the playground: `kerasnn playground`, then `#preset=l1-zeros` behind the address.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import data, models, optimizers

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
tumours = data.load("breast_cancer", seed=seed)
strength = 0.02

# %% [markdown]
# **Four ways to train:** without a penalty, with L2, with L1 as a part of the loss, as in Keras,
# and with L1 as a proximal step. The first three follow a gradient. That of L1 is plus or minus the
# strength, so a weight near zero jumps from one side to the other and never becomes zero. The
# proximal step stops at zero:
#
#     w <- w - rate * gradient
#     w <- sign(w) * max(abs(w) - rate * strength, 0)

# %%
ways = {
    "no penalty": ({}, 0.0),
    "L2": ({"l2": strength}, 0.0),
    "L1 in the loss": ({"l1": strength}, 0.0),
    "L1, proximal": ({}, strength),
}
trained, weights, accuracies = {}, {}, {}
for way, (penalty, l1) in ways.items():
    sgd = optimizers.SGD(0.1, momentum=0.9, l1=l1)
    model = models.mlp(30, task="binary", hidden=(), optimizer=sgd, **penalty)
    model.fit(tumours.x_train, tumours.y_train, batch_size="full", epochs=10_000, verbose=0)
    trained[way] = model
    weights[way] = model.get_layer("output").kernel.numpy()[:, 0]
    _, accuracies[way] = model.evaluate(tumours.x_test, tumours.y_test, verbose=0)
    found = weights[way]
    print(
        f"{way:14}  largest weight {np.abs(found).max():5.2f}, smallest {np.abs(found).min():.0e}, "
        f"exactly zero {np.sum(found == 0):2}, test accuracy {accuracies[way]:.3f}"
    )

# %% [markdown]
# **Where L1 stops.** At the minimum, the gradient of the loss and L1 balance: for each non-zero
# weight the gradient of the loss equals the strength, and for each zero weight it is smaller. This
# can be checked on the training rows alone.

# %%
model = trained["L1, proximal"]
x = model.get_layer("standardize")(tumours.x_train).numpy()
error = model.predict(tumours.x_train, verbose=0)[:, 0] - tumours.y_train
gain = np.abs(x.T @ error) / len(x)
selected = weights["L1, proximal"] != 0

# %%
names = np.array(tumours.features)
order = np.argsort(np.abs(weights["L1, proximal"]) + 1e-3 * np.abs(weights["L2"]))
fig, ax = plt.subplots(figsize=(7, 5), layout="constrained")
looks = {"L2": ("s", "#D55E00"), "L1, proximal": ("o", "#0072B2")}
for way, (mark, colour) in looks.items():
    zero = weights[way][order] == 0
    rows = np.arange(30)
    ax.plot(weights[way][order][~zero], rows[~zero], mark, color=colour, label=way)
    ax.plot(0 * rows[zero], rows[zero], mark, color=colour, markerfacecolor="none")
ax.axvline(0, color="black", linewidth=0.8, zorder=0)
ax.set_yticks(range(30), names[order], fontsize=8)
ax.set(xlabel="weight of the standardised feature; hollow: exactly zero", ylim=(-0.7, 29.7))
ax.grid(axis="y", alpha=0.3)
ax.legend(loc="lower left")
fig.savefig("tutorials/figures/13_l1_l2.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** L2 shrinks the weights, the largest to less than a fifth, and keeps all 30.
# So does L1 as a part of the loss: weights come close to zero, but are not zero. The proximal step
# sets more than half of them to exactly zero, and the few remaining measurements classify new
# tumours about as well as all of them.

# %%
print("Selected:", *names[selected], sep="\n  ")
sizes = {way: np.abs(found) for way, found in weights.items()}
assert sizes["L2"].max() < 0.2 * sizes["no penalty"].max()
assert np.linalg.norm(weights["L2"]) < 0.5 * np.linalg.norm(weights["no penalty"])
for way in ("no penalty", "L2", "L1 in the loss"):
    assert (sizes[way] > 0).all()
assert 0 < selected.sum() < 15
np.testing.assert_allclose(gain[selected], strength, rtol=0.01)
assert gain[~selected].max() < 1.001 * strength
assert accuracies["L1, proximal"] > accuracies["no penalty"] - 0.04
assert min(accuracies.values()) > 0.93

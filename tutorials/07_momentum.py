# %% [markdown]
# # 7. Momentum, dampening, Nesterov, and the longest step
#
# A long narrow valley is difficult for gradient descent: across it steps must be short, and along
# it short steps make little progress. Momentum accelerates along the valley.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import optimizers

seed = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(seed)

# %% [markdown]
# **The valley** is f(w) = (L w1^2 + m w2^2) / 2, with curvature L = 100 across and m = 1 along. A
# step of rate r multiplies w1 by 1 - L r and w2 by 1 - m r. The first shrinks only if r < 2 / L,
# from any starting point. The best plain rate is 2 / (L + m), at which both shrink equally fast: by
# 2% per step.

# %%
curvature = np.array([100.0, 1.0])
across, along = curvature
limit = 2 / across
start = rng.choice([-1, 1], 2) * rng.uniform(0.7, 1, 2)


def descend(optimizer, steps=400):
    weights = keras.Variable(start)
    places = [start]
    for _ in range(steps):
        optimizer.apply([curvature * weights], [weights])
        places.append(weights.numpy())
    return np.array(places)


# %% [markdown]
# **Momentum** b = 0.8 b + g steps along a sum of all past gradients. Those along the valley have
# the same sign and add up, to five times one of them; those across it alternate and cancel, so that
# even 1.5 times the limit converges. **Dampening** uses a fifth of each new gradient: the sum
# becomes an average, as smooth, but five times shorter. **Nesterov** adds the new gradient once
# more to the decayed sum, which slows down before overshooting.

# %%
SGD = optimizers.SGD
paths = {
    "plain, 0.98 x limit": descend(SGD(0.98 * limit)),
    "plain, 1.02 x limit": descend(SGD(1.02 * limit)),
    "momentum, 1.5 x limit": descend(SGD(1.5 * limit, momentum=0.8)),
    "plain, best rate": descend(SGD(2 / (across + along))),
    "momentum": descend(SGD(1 / across, momentum=0.8)),
    "dampened": descend(SGD(1 / across, momentum=0.8, dampening=0.8)),
    "Nesterov": descend(SGD(1 / across, momentum=0.8, nesterov=True)),
}
losses = {name: places**2 @ curvature / 2 for name, places in paths.items()}
needed = {}
for name, loss in losses.items():
    needed[name] = 1 + np.flatnonzero(loss > 1e-4 * loss[0])[-1]
    print(f"{name}: loss {loss[0]:.2g} -> {loss[-1]:.1e}, 1e-4 of it from step {needed[name]}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 2.9), layout="constrained")
styles = {
    "plain, best rate": ("#0072B2", "-"),
    "momentum": ("#D55E00", "-"),
    "dampened": ("#CC79A7", "--"),
    "Nesterov": ("#009E73", "-"),
    "plain, 1.02 x limit": ("black", ":"),
}
for name, (colour, style) in styles.items():
    if name not in ("dampened", "plain, 1.02 x limit"):
        left.plot(*paths[name][:30].T[::-1], style, color=colour, linewidth=1, marker=".")
    right.semilogy(losses[name], style, color=colour, label=name)
left.plot(0, 0, "k*", markersize=12)
left.set(xlabel="w2, along the valley", ylabel="w1, across it", title="The first 30 steps")
right.set(xlabel="step", ylabel="loss", ylim=(1e-16, 1e3), title="All steps")
right.legend(fontsize="small")
fig.savefig("tutorials/figures/07_momentum.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** A plain step must be shorter than 2 / L: 2% below it converges, 2% above it
# diverges. In a valley a hundred times as steep across as along, momentum needs less than a third
# of the steps of the best plain rate; with the same amount of dampening this speed is lost again.
# Classical momentum oscillates across the valley; at this rate, 1 / L, Nesterov's crosses it once
# and stops oscillating after two steps.

# %%
assert losses["plain, 0.98 x limit"][-1] < 1e-3 < 1e3 < losses["plain, 1.02 x limit"][-1]
assert losses["momentum, 1.5 x limit"][-1] < 1e-3
assert needed["momentum"] < needed["plain, best rate"] / 3
assert needed["dampened"] > 3 * needed["momentum"]
swing = {name: np.abs(paths[name][3:, 0]).max() for name in ("momentum", "Nesterov")}
print("swings across after two steps:", swing)
assert swing["Nesterov"] < swing["momentum"] / 20

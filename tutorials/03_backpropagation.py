# %% [markdown]
# # 3. Backpropagation is a vector times a Jacobian
#
# A network is a composition of functions, and the derivative of a composition is a product of
# Jacobians. Backpropagation computes it from the last factor to the first, so that a vector is
# multiplied by a matrix and never a matrix by a matrix. First by hand, in float64, so that the
# results can be compared.

# %%
import os
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kerasnn import autodiff

seed = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(seed)
sizes, rows = (4, 8, 8, 3), 16
x, y = rng.normal(size=(rows, sizes[0])), rng.normal(size=(rows, sizes[-1]))
weights = [rng.normal(size=(m, n)) / m**0.5 for m, n in pairwise(sizes)]

# %% [markdown]
# **Forward.** Two tanh layers and a linear one, and half the squared error of their outputs.


# %%
def network(*weights):
    h = x
    for w in weights[:-1]:
        h = tf.tanh(tf.matmul(h, w))
    return tf.matmul(h, weights[-1])


@tf.function
def loss(*weights):
    return tf.reduce_sum((network(*weights) - y) ** 2) / 2


# %% [markdown]
# **By hand.** The forward pass stores the input of every layer. In the backward pass `delta` is the
# derivative of the loss with respect to the sums of a layer, before the tanh: at the end, where
# there is no tanh, it is the error itself; in each layer before, it is `delta` times the weights,
# times the derivative of tanh.

# %%
inputs = [x]
for w in weights[:-1]:
    inputs.append(np.tanh(inputs[-1] @ w))
delta = inputs[-1] @ weights[-1] - y
by_hand = []
for h, w in zip(reversed(inputs), reversed(weights), strict=True):
    by_hand.insert(0, h.T @ delta)
    delta = (delta @ w.T) * (1 - h**2)

# %% [markdown]
# **With kerasnn.** `vjp` returns the value and the pullback, the function v -> v^T J. The loss is
# one number, so v is 1.

# %%
_, pullback = autodiff.vjp(loss, *weights)
by_vjp = [np.asarray(g) for g in pullback(np.float64(1))]

# %% [markdown]
# **By differences.** Change the loss by moving each weight a little up and down. The error of
# central differences falls with the square of the step until rounding dominates, so the best step
# is near the cube root of float64's resolution.


# %%
def differences(step):
    found = [np.zeros_like(w) for w in weights]
    for w, slopes in zip(weights, found, strict=True):
        for index, value in np.ndenumerate(w):
            w[index] = value + step
            up = float(loss(*weights))
            w[index] = value - step
            slopes[index] = (up - float(loss(*weights))) / (2 * step)
            w[index] = value
    return found


def distance(one, other):
    """The largest difference of two gradients, relative to the largest number in them."""
    flat = [np.concatenate([g.ravel() for g in gradient]) for gradient in (one, other)]
    return np.abs(flat[0] - flat[1]).max() / np.abs(flat[0]).max()


steps = 10.0 ** np.arange(-10, 0)
errors = [distance(by_hand, differences(step)) for step in steps]

# %% [markdown]
# **The Jacobian itself** is seldom needed, and large: with 48 outputs it has 48 rows. The pullback
# of v gives v^T J, for all weights, at the cost of one row.

# %%
v = rng.normal(size=y.shape)
jacobian = np.asarray(autodiff.jacobian(lambda w: network(w, *weights[1:]), weights[0]))
pulled = np.asarray(autodiff.vjp(network, *weights)[1](v)[0])
print(f"Jacobian {jacobian.shape}, pulled back {pulled.shape}")

# %%
fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.loglog(steps, errors, "o-", color="#0072B2", label="central differences")
ax.axhline(distance(by_hand, by_vjp), color="#D55E00", linestyle="--", label="autodiff.vjp")
ax.set(xlabel="step of the differences", ylabel="largest error, relative to the gradient")
ax.legend()
fig.savefig("tutorials/figures/03_backpropagation.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Reverse mode by hand and by `vjp` are equal to rounding, central differences
# agree to 1e-8, and the pullback of v is v^T J.

# %%
print(f"vjp: {distance(by_hand, by_vjp):.1e}, differences: {min(errors):.1e} at best")
assert distance(by_hand, by_vjp) < 1e-12
assert min(errors) < 1e-8
np.testing.assert_allclose(pulled, np.tensordot(v, jacobian, axes=2), rtol=0, atol=1e-12)

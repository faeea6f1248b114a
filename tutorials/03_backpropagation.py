# %% [markdown]
# # 3. Backpropagation is a vector times a Jacobian
#
# A network is a chain of functions, and the derivative of a chain is a product of Jacobians.
# Backpropagation works it out from the last factor to the first, so that a vector meets a matrix
# and never a matrix a matrix. Here once by hand, in float64, where agreement can be seen.

# %%
import os
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

from kerasnn import autodiff

seed = int(os.environ.get("SEED", 0))
rng = np.random.default_rng(seed)
sizes = (4, 8, 8, 3)
rows = 16
x, y = rng.normal(size=(rows, sizes[0])), rng.normal(size=(rows, sizes[-1]))
weights = [rng.normal(size=(m, n)) / m**0.5 for m, n in pairwise(sizes)]

# %% [markdown]
# **Forward.** Two layers of tanh and a linear one, and half the squared error of their answers.


# %%
def network(*weights):
    h = x
    for w in weights[:-1]:
        h = tf.tanh(tf.matmul(h, w))
    return tf.matmul(h, weights[-1])


def loss(*weights):
    return tf.reduce_sum((network(*weights) - y) ** 2) / 2


# %% [markdown]
# **By hand.** On the way forward every layer's input is kept. On the way back `delta` is the
# derivative of the loss with respect to a layer's sums, before the tanh: the error itself at the
# end, where there is no tanh; and from then on `delta` times the weights, times the slope of tanh
# below them.

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
# **By kerasnn.** `vjp` returns the value, and the function that pulls a vector back through it. The
# loss is one number, so that the vector is a 1.

# %%
_, pullback = autodiff.vjp(loss, *weights)
by_vjp = [np.asarray(g) for g in pullback(np.float64(1))]

# %% [markdown]
# **By differences.** What the loss does when one weight moves a little, up and down. The error of
# central differences falls with the square of the step until rounding takes over, so the best step
# is near the cube root of float64's resolution.


# %%
def differences(step):
    found = [np.zeros_like(w) for w in weights]
    for w, slopes in zip(weights, found, strict=True):
        for place, value in np.ndenumerate(w):
            w[place] = value + step
            up = float(loss(*weights))
            w[place] = value - step
            slopes[place] = (up - float(loss(*weights))) / (2 * step)
            w[place] = value
    return found


def distance(one, other):
    """The largest difference of two gradients, next to the largest number in them."""
    flat = [np.concatenate([g.ravel() for g in gradient]) for gradient in (one, other)]
    return np.abs(flat[0] - flat[1]).max() / np.abs(flat[0]).max()


steps = 10.0 ** np.arange(-10, 0)
errors = [distance(by_hand, differences(step)) for step in steps]

# %% [markdown]
# **The Jacobian itself** is seldom needed, and large: that of all 48 answers has a row for each of
# them. Pulling v back gives v^T J, for all weights, at the price of one row.

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
# **What was learned.** Reverse mode by hand and by `vjp` are the same to rounding, differences come
# within 1e-8 of them, and what is pulled back is v^T J.

# %%
print(f"vjp: {distance(by_hand, by_vjp):.1e}, differences: {min(errors):.1e} at best")
assert distance(by_hand, by_vjp) < 1e-12
assert min(errors) < 1e-8
np.testing.assert_allclose(pulled, np.tensordot(v, jacobian, axes=2), rtol=0, atol=1e-12)

# %% [markdown]
# # 5. Depth against width
#
# One hidden layer can approximate anything, but the number of units matters. A sawtooth of 64
# pieces takes 64 units in one layer; in six layers, two units per layer are enough.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasnn
from kerasnn import models

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
x = np.linspace(0, 1, 64 * 16 + 1, dtype="float32")[:, None]
sawtooth = 1 - np.abs(2 * (32 * x % 1) - 1)

# %% [markdown]
# **Deep, by hand.** 2 relu(x) - 4 relu(x - 1/2) is a tent: up from 0 to 1, and down again. A tent
# of a tent has two peaks, because the inner tent takes each height twice; and so on. Each further
# layer doubles the number of pieces, and costs six parameters.

# %%
depth = 6
deep = kerasnn.Sequential([keras.Input((1,))])
for _ in range(depth):
    deep.add(keras.layers.Dense(2, "relu"))
deep.add(keras.layers.Dense(1))
tent, hinges = np.array([[2.0], [-4.0]]), np.array([0.0, -0.5])
deep.layers[0].set_weights([np.ones((1, 2)), hinges])
for layer in deep.layers[1:-1]:
    layer.set_weights([np.tile(tent, 2), hinges])
deep.layers[-1].set_weights([tent, np.zeros(1)])
by_hand = deep.predict(x, verbose=0)
pieces = 1 + np.count_nonzero(np.diff(np.sign(np.diff(by_hand[:, 0]))))
print(f"deep: {deep.count_params()} parameters, {pieces} pieces")

# %% [markdown]
# **Shallow, trained.** Each unit of a single hidden layer adds one hinge, so that 12 units, which
# also have 37 parameters, make at most 13 pieces; 64 are needed. Five networks are trained from
# different initial weights. The unexplained variance is the squared error relative to that of the
# best constant. The deep network is also trained from random weights: the existence of good weights
# does not mean that gradient descent finds them.


# %%
def trained(hidden, start):
    model = models.mlp(
        1,
        task="regression",
        hidden=hidden,
        normalize=False,
        learning_rate=0.01,
        seed=10 * seed + start,
    )
    model.fit(x, sawtooth, batch_size=128, epochs=300, seed=seed, verbose=0)
    outputs = model.predict(x, verbose=0)
    return model.count_params(), outputs, np.mean((outputs - sawtooth) ** 2) / sawtooth.var()


shallow = [trained((12,), start) for start in range(5)]
deep_trained = trained((2,) * depth, 0)
for name, networks in (("shallow", shallow), ("deep, trained", [deep_trained])):
    for parameters, _, unexplained in networks:
        print(f"{name}: {parameters} parameters, {unexplained:.3f} unexplained")

# %%
fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.6, 2.7), layout="constrained", width_ratios=(1.6, 1)
)
_, best, _ = min(shallow, key=lambda network: network[2])
left.plot(x, by_hand, color="#0072B2", linewidth=1, label="deep, by hand: exact")
left.plot(x, best, "--", color="#D55E00", linewidth=2, label="shallow, the best of five")
left.set(xlabel="x", ylabel="output", ylim=(-0.05, 1.7), title="Networks of 37 parameters")
left.set_yticks([0, 0.5, 1])
left.legend(loc="upper center")
layers = np.arange(1, 21)
right.semilogy(layers, 6 * layers + 1, color="#0072B2", label="deep: 6 k + 1")
right.semilogy(layers, 3 * 2.0**layers + 1, "--", color="#D55E00", label="shallow: 3 2^k + 1")
right.set(xlabel="k, for a sawtooth of 2^k pieces", ylabel="parameters", title="The price")
right.set_ylim(3, 1e10)
right.set_xticks(range(0, 21, 4))
right.legend(loc="upper left")
fig.savefig("tutorials/figures/05_depth_and_width.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Thirty-seven parameters in depth make 64 pieces, exactly, to the last bit.
# No shallow network of that size comes close: after training each of the five is near the mean,
# with less than a tenth of the variance explained. From random initial weights, training does no
# better with the deep one.

# %%
assert deep.count_params() == deep_trained[0] == 37
assert pieces == 64
np.testing.assert_array_equal(by_hand, sawtooth)
for parameters, _, unexplained in [*shallow, deep_trained]:
    assert parameters == 37
    assert unexplained > 0.9

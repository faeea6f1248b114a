# %% [markdown]
# # 2. XOR takes a hidden layer
#
# XOR is not linearly separable, so no perceptron learns it. Two perceptrons in front of a third
# can: they map the four points to positions that a line separates.
#
# In the playground: `kerasnn playground`, then `#preset=xor` behind the address.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

import kerasnn
from kerasnn import data, layers, models, plots

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
xor = data.load("xor")
x, y = xor.x_train, xor.y_train

# %% [markdown]
# **By hand.** The first hidden unit outputs 1 where at least one input is 1, which is OR; the
# second where both are, which is AND. The output is 1 where OR is 1 and AND is 0.

# %%
hidden, output = layers.Perceptron(2), layers.Perceptron(1)
given = kerasnn.Sequential([keras.Input((2,)), hidden, output])
hidden.set_weights([np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([-0.5, -1.5])])
output.set_weights([np.array([[1.0], [-1.0]]), np.array([-0.5])])
outputs = given.predict(x, verbose=0)
print("given weights:", outputs[:, 0])

# %% [markdown]
# **By training.** A threshold has no gradient to follow. With a smooth activation instead, the
# hidden layer can be learned: four tanh units find two such lines, and the network outputs
# probabilities.

# %%
trained = models.mlp(
    2, task="binary", hidden=(4,), activation="tanh", learning_rate=0.05, seed=seed
)
trained.fit(x, y, batch_size="full", epochs=1000, seed=seed, verbose=0)
probabilities = trained.predict(x, verbose=0)
print("trained:", probabilities[:, 0].round(3))

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
plots.decision_boundary(given, x, y, ax=left)
left.set_title("Given weights")
moved = hidden(x).numpy()
plots.decision_boundary(output, moved, y, ax=middle)
middle.set(title="The same, seen by the output", xlabel="OR unit", ylabel="AND unit")
plots.decision_boundary(trained, x, y, ax=right)
right.set_title("Trained")
for ax in (left, right):
    ax.get_legend().remove()
fig.savefig("tutorials/figures/02_xor.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** With a hidden layer of two threshold units XOR is exact: both rows of class
# 1 are mapped to the same point, (1, 0), and one line is enough. A trained network finds another
# solution, with more than 99% for the correct class in each of the four rows.

# %%
np.testing.assert_array_equal(outputs[:, 0], y)
np.testing.assert_array_equal(moved, [[0, 0], [1, 0], [1, 0], [1, 1]])
assert np.abs(probabilities[:, 0] - y).max() < 0.01

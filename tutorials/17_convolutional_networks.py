# %% [markdown]
# # 17. Convolutional networks
#
# A convolution looks for the same small pattern everywhere in an image. What it learns at one
# position holds at all positions, and it needs few weights. A dense layer has to learn a digit
# separately at every position.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import data, models, plots

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)

# %% [markdown]
# **Shifted digits.** Each 8x8 digit is placed at a random position in an image of 14x14.

# %%
digits = data.load("digits", seed=seed)
rng = np.random.default_rng(seed)


def shifted(images):
    wide = np.zeros((len(images), 14, 14, 1), "float32")
    for image, canvas, (row, column) in zip(
        images, wide, rng.integers(0, 7, (len(images), 2)), strict=True
    ):
        canvas[row : row + 8, column : column + 8] = image
    return wide


x_train, x_test = shifted(digits.x_train), shifted(digits.x_test)

# %% [markdown]
# **The arithmetic.** A kernel of k pixels with stride s over n pixels with p of padding on either
# side has (n + 2 p - k) / s + 1 positions, rounded down. The number of its weights does not depend
# on n: k x k for each pair of an input channel and a filter, and one bias per filter.


# %%
def positions(n, k, s=1, p=0):
    return (n + 2 * p - k) // s + 1


cnn = models.cnn((14, 14, 1), 10, task="multiclass", filters=(16, 32), hidden=(64,), dropout=0.0)
shapes, weights = [], []
size, channels = 14, 1
for filters in (16, 32):
    size = positions(size, k=3, p=1)  # The convolution keeps the size,
    shapes.append((size, size, filters))
    size = positions(size, k=2, s=2)  # and the pooling halves it.
    shapes.append((size, size, filters))
    weights.append(3 * 3 * channels * filters + filters)
    channels = filters
weights += [size * size * channels * 64 + 64, 64 * 10 + 10]
drawn = [layer for layer in cnn.layers if layer.name.startswith("block")]
counted = [layer.count_params() for layer in cnn.layers if layer.trainable_weights]
for layer, shape in zip(drawn, shapes, strict=True):
    print(f"{layer.name}: {shape}, {layer.count_params()} weights")

# %% [markdown]
# **Against a dense network** with nearly twice as many weights, on the same images.

# %%
mlp = models.mlp((14, 14, 1), 10, task="multiclass", hidden=(128, 128))
networks, curves, tested = {"dense": mlp, "convolutional": cnn}, {}, {}
for name, model in networks.items():
    curves[name] = model.fit(
        x_train, digits.y_train, epochs=30, verbose=0, validation_data=(x_test, digits.y_test)
    ).history["val_accuracy"]
    _, tested[name] = model.evaluate(x_test, digits.y_test, verbose=0)
    print(f"{name}: {model.count_params()} weights, test accuracy {tested[name]:.3f}")

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
left.imshow(
    np.block([[x_test[3 * i + j, ..., 0] for j in range(3)] for i in range(3)]), cmap="gray_r"
)
left.set_xticks(np.arange(-0.5, 42, 14), [])
left.set_yticks(np.arange(-0.5, 42, 14), [])
left.grid(color="#56B4E9")
left.set_title("Nine shifted digits")
for (name, curve), style, colour in zip(
    curves.items(), ("--", "-"), ("#D55E00", "#0072B2"), strict=True
):
    middle.plot(range(1, 31), curve, style, color=colour, label=name)
middle.set(xlabel="epoch", ylabel="accuracy on new images", ylim=(0, 1))
middle.legend()
plots.filters(cnn, ax=right)
right.set_title("16 filters of 3x3")
fig.savefig("tutorials/figures/17_convolutional_networks.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Shapes and numbers of weights follow from two lines of arithmetic. On
# shifted digits the convolutional network makes less than half of the mistakes of the dense one,
# with little more than half of its weights.

# %%
assert [layer.output.shape[1:] for layer in drawn] == shapes
assert counted == weights
assert cnn.count_params() < 0.6 * mlp.count_params()
assert 1 - tested["convolutional"] < 0.5 * (1 - tested["dense"])
assert tested["convolutional"] > 0.83

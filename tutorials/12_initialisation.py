# %% [markdown]
# # 12. Initialisation
#
# The initial weights decide whether training works at all. They must not be equal, or all units of
# a layer stay identical. And their scale has to fit, because the signal is multiplied by it in each
# layer: twenty layers raise it to the twentieth power.
#
# In the playground: `kerasnn playground`, then `#preset=symmetry` behind the address.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import data, models

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)

# %% [markdown]
# **Symmetry.** Units of a layer that start with the same weights have the same output, hence the
# same gradient, hence the same weights after every step: eight of them act as one. Here each unit
# gets the weights of the first. One unit separates by one straight line, and a disc inside a ring
# needs more.

# %%
circles = data.load("circles", seed=seed)
accuracies = {}
for start in ("random", "equal"):
    model = models.mlp(2, task="binary", hidden=(8,), learning_rate=0.03)
    hidden, output = model.get_layer("hidden_1"), model.get_layer("output")
    if start == "equal":
        hidden.kernel.assign(np.repeat(hidden.kernel[:, :1], 8, axis=1))
        hidden.bias.assign(np.repeat(hidden.bias[:1], 8))
        output.kernel.assign(np.repeat(output.kernel[:1], 8, axis=0))
    model.fit(circles.x_train, circles.y_train, epochs=50, verbose=0)
    _, accuracies[start] = model.evaluate(circles.x_test, circles.y_test, verbose=0)
spread = np.ptp(hidden.kernel.numpy(), axis=1).max()

# %% [markdown]
# **Scale.** The sum of n inputs times weights of variance v has n v times their mean square, and
# ReLU halves it. He's v = 2 / n compensates for that, and is the default of `models.mlp`. With
# weights of half that size twenty layers leave a millionth of the signal; with twice that size they
# make it a million times as large. The gradient passes backwards through the same weights.

# %%
digits = data.load("digits", seed=seed)
x, y = digits.x_train.reshape(-1, 64), digits.y_train
signals, losses = {}, {}
for start, scale in (("half of He's", 0.5), ("He's weights", 1.0), ("twice He's", 2.0)):
    sgd = keras.optimizers.SGD(0.02)
    model = models.mlp(64, 10, task="multiclass", hidden=(64,) * 20, optimizer=sgd, seed=seed)
    model.get_layer("standardize").adapt(x)
    deep = [layer for layer in model.layers if layer.name.startswith("hidden")]
    for layer in deep:
        layer.kernel.assign(scale * layer.kernel)
        layer.bias.assign(scale * layer.bias)
    outputs = keras.Model(model.inputs[0], [layer.output for layer in deep])(x)
    signals[start] = np.array([np.sqrt(np.mean(np.square(output))) for output in outputs])
    try:
        losses[start] = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    except FloatingPointError as error:
        print(f"{start}: {error}\n")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
styles = dict(zip(signals, (("#0072B2", "-"), ("#009E73", "--"), ("#D55E00", ":")), strict=True))
for start, signal in signals.items():
    colour, style = styles[start]
    left.semilogy(range(1, 21), signal, style, color=colour, label=start)
for start, curve in losses.items():
    colour, style = styles[start]
    right.plot(range(1, 31), curve, style, color=colour, label=start)
left.set(xlabel="layer", ylabel="root mean square of the outputs", title="Before training")
left.set_xticks(range(2, 21, 2))
right.set(xlabel="epoch", ylabel="training loss", title="Twenty layers read digits", ylim=(0, None))
left.legend()
right.legend()
fig.savefig("tutorials/figures/12_initialisation.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Eight units that start equal stay equal, and cannot separate the disc from
# the ring. With He's weights twenty layers preserve the signal and learn. With half the size the
# signal vanishes, and in 30 epochs the loss stays at that of guessing, log(10). With twice the size
# the first steps are so large that the weights overflow, and kerasnn reports it.

# %%
print(f"Disc and ring: {accuracies}; equal units differ by {spread}")
for start, signal in signals.items():
    print(f"{start}: signal {signal[0]:.2g} behind layer 1, {signal[-1]:.2g} behind layer 20")
print({start: f"loss {curve[0]:.3f}, then {curve[-1]:.3f}" for start, curve in losses.items()})
assert spread < 1e-4  # Not 0: a processor may round one unit otherwise than the next.
assert accuracies["random"] > 0.95
assert accuracies["equal"] < 0.75
kept = {start: signal[-1] / signal[0] for start, signal in signals.items()}
assert 0.1 < kept["He's weights"] < 10
assert kept["half of He's"] < 1e-4
assert kept["twice He's"] > 1e4
assert "twice He's" not in losses
assert abs(losses["half of He's"][-1] - np.log(10)) < 0.01
assert min(losses["He's weights"]) < 0.5

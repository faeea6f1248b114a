# %% [markdown]
# # 12. Initialisation
#
# Where training starts decides whether it starts at all. Weights must not be equal, for then all
# units of a layer stay one unit. And their scale has to fit, for a signal passes through it once a
# layer: twenty layers raise it to the twentieth power.

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
# same gradient, hence the same weights after every step: eight of them are one. Here each unit gets
# the weights of the first. One unit draws one straight line, and a disc in a ring needs more.

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
# the ReLU takes away half of it. He's v = 2 / n makes up for that, and `models.mlp` starts so. With
# weights of half that size twenty layers leave a millionth of the signal; with twice that size they
# make it a million times as large. The gradient goes back through the same weights.

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
# **What was learned.** Eight units that start equal end equal, to the last bit, and cannot tell the
# disc from the ring. Of twenty layers those with He's weights hand the signal on and learn. Half
# the size starves them, and in 30 epochs the loss stays at that of a guess, log(10). Twice the size
# makes the first steps so long that they leave the finite numbers, and kerasnn says so.

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

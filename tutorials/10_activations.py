# %% [markdown]
# # 10. Activations and output layers
#
# A hidden activation has to let gradients through; the output activation has to match the range of
# the target. And the loss has to fit the output, or a network that is confident and wrong cannot be
# trained.
#
# In the playground: `kerasnn playground`, then `#preset=dying-relu` behind the address.

# %%
import os
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import autodiff, data, layers, models, tasks

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

# %% [markdown]
# **Which, and why.** The builders of `kerasnn.models` use this table.

# %%
for network in ("mlp", "cnn", "rnn"):
    hidden = layers.recommend_activation("binary", "hidden", network)
    print(f"{network:10} {hidden:11} {hidden.reason}")
for task in tasks.Task:
    output = layers.recommend_activation(task, "output")
    print(f"{task:10} {output:11} {output.reason}")

# %% [markdown]
# **Hidden activations** multiply the gradient by their derivative, once for each layer. That of
# sigmoid is at most a quarter, that of tanh is 1 at one point only, that of ReLU is 1 wherever the
# unit is active.

# %%
z = np.linspace(-6, 6, 240)
slopes = {}
for name in ("sigmoid", "tanh", "relu"):
    _, pullback = autodiff.vjp(keras.activations.get(name), z)
    slopes[name] = np.asarray(pullback(np.ones_like(z))[0])

# %% [markdown]
# **The output and its loss** belong together: then the gradient with respect to z, the input of the
# output activation, is the prediction minus the target, for every task; with n labels, 1/n of it
# for each. Keras's squared error has no factor 1/2, so that regression has twice as much.


# %%
def backward(loss: Any, activation: Any, target, z):
    loss, activation = keras.losses.get(loss), keras.activations.get(activation)
    of_rows, pullback = autodiff.vjp(lambda z: loss(target, activation(z)), z)
    return np.asarray(activation(z)), np.asarray(pullback(np.ones(of_rows.shape))[0])


targets = {tasks.binary: 1.0, tasks.multiclass: 2, tasks.multilabel: 1.0}
targets |= {tasks.regression: 0.5, tasks.count: 3.0}
factors = {tasks.multilabel: 1 / 4, tasks.regression: 2}
pulled, wanted = {}, {}
for task, target in targets.items():
    units = 4 if task in ("multiclass", "multilabel") else 1
    sums = rng.normal(size=(1, units)).astype("float32")
    rows = np.full((1, 1 if task == "multiclass" else units), target)
    predicted, pulled[task] = backward(task.loss, task.activation, rows, sums)
    true = np.eye(4)[target] if task == "multiclass" else target
    wanted[task] = factors.get(task, 1) * (predicted - true)

# %% [markdown]
# **Squared error on a sigmoid** is not such a pair: its gradient includes the derivative of the
# sigmoid, y (1 - y). Where the prediction is close to 0 and should be 1, that is almost 0: the
# worse the prediction, the less is learned from it. The gradient of cross-entropy is nearly -1
# there. The networks below start confident that every tumour is of class 0.

# %%
losses = {"cross-entropy": "binary_crossentropy", "squared error": "mean_squared_error"}
tumours = data.load("breast_cancer", seed=seed)
pulls, curves = {}, {}
for name, loss in losses.items():
    _, pulls[name] = backward(loss, "sigmoid", np.ones((len(z), 1)), z[:, None])
    model = models.mlp(30, task="binary", hidden=(16,), compile=False, seed=seed)
    model.compile(keras.optimizers.SGD(0.1), loss=loss, metrics=["accuracy"])
    kernel, bias = model.layers[-1].get_weights()
    model.layers[-1].set_weights([kernel, bias - 10])
    history = model.fit(tumours.x_train, tumours.y_train, epochs=20, seed=seed, verbose=0)
    curves[name] = history.history["accuracy"]
    print(f"{name}: gradient {pulls[name][0, 0]:.4f} at z = -6, accuracy {curves[name][-1]:.3f}")

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8.8, 2.8), layout="constrained")
for (name, slope), colour in zip(slopes.items(), ("#0072B2", "#D55E00", "#009E73"), strict=True):
    left.plot(z, slope, color=colour, label=name)
left.set(xlabel="z", ylabel="derivative", title="Hidden activations")
for (name, pull), colour, style in zip(pulls.items(), ("#0072B2", "#D55E00"), "-:", strict=True):
    middle.plot(z, pull, style, color=colour, label=name)
    right.plot(range(1, 21), curves[name], style, color=colour, label=name)
middle.set(xlabel="z", ylabel="gradient of the loss", title="A sigmoid that should say 1")
right.set(xlabel="epoch", ylabel="training accuracy", ylim=(0, 1.05), title="From sure and wrong")
for ax in (left, middle, right):
    ax.legend(fontsize="small")
fig.savefig("tutorials/figures/10_activations.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** The derivative of sigmoid is at most a quarter, that of ReLU is 1. With the
# matching loss, an output learns from its whole error. On a sigmoid that is confident and wrong,
# squared error has less than a hundredth of that gradient and learns nothing in 20 epochs, while
# cross-entropy reaches more than 95%.

# %%
assert layers.recommend_activation("multiclass", "output") == "softmax"
for task in targets:
    np.testing.assert_allclose(pulled[task], wanted[task], atol=1e-5)
np.testing.assert_allclose([s.max() for s in slopes.values()], [0.25, 1, 1], atol=1e-3)
assert pulls["squared error"][0] > pulls["cross-entropy"][0] / 100
assert curves["cross-entropy"][-1] > 0.95
assert curves["squared error"][-1] < 0.5

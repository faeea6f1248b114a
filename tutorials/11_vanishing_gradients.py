# %% [markdown]
# # 11. Vanishing gradients and dying ReLUs
#
# Backpropagation multiplies by the derivative of the activation of every layer. If these are small,
# the first layers receive almost no gradient; if they are 0 on all rows, a unit never changes
# again. Both look the same from outside: the loss does not fall. The doctor distinguishes them.
#
# In the playground: `kerasnn playground`, then `#preset=vanishing-gradients` behind the address.

# %%
import os

import keras
import matplotlib.pyplot as plt

from kerasnn import autodiff, callbacks, data, models, plots

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
digits = data.load("digits")
x, y = digits.x_train, digits.y_train


def train(model):
    doctor = callbacks.TrainingDoctor()
    history = model.fit(x, y, epochs=10, callbacks=[doctor], seed=seed, verbose=0)
    return history.history["accuracy"], {finding.name for finding in doctor.findings_}


# %% [markdown]
# **Ten layers deep.** The derivative of sigmoid is at most a quarter, so that ten of them multiply
# to less than a millionth, apart from the weights. That of ReLU is 1 where a unit is active, and
# He's initial weights compensate for the inactive half of the units. The builder uses Glorot's
# weights for sigmoid and He's for ReLU.

# %%
deep, norms = {}, {}
for activation in ("sigmoid", "relu"):
    model = models.mlp(
        (8, 8, 1),
        10,
        task="multiclass",
        hidden=(32,) * 10,
        activation=activation,
        optimizer="sgd",
        learning_rate=0.05,
        seed=seed,
    )
    norms[activation] = autodiff.gradients(model, x, y)
    deep[activation] = train(model)

# %% [markdown]
# **Dead units.** One step that is too long can move the biases of a layer far below 0, where no
# unit is active on any row. Here this is done on purpose. A ReLU has derivative 0 there; leaky ReLU
# keeps a fifth, and can recover.

# %%
dead = {}
for activation in ("relu", "leaky_relu"):
    model = models.mlp(
        (8, 8, 1),
        10,
        task="multiclass",
        hidden=(32, 32),
        activation=activation,
        learning_rate=0.01,
        seed=seed,
    )
    kernel, bias = model.get_layer("hidden_1").get_weights()
    model.get_layer("hidden_1").set_weights([kernel, bias - 30])
    dead[activation] = train(model)

# %%
runs = {
    "10 layers, sigmoid": deep["sigmoid"],
    "10 layers, ReLU": deep["relu"],
    "dead, ReLU": dead["relu"],
    "dead, leaky ReLU": dead["leaky_relu"],
}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2), layout="constrained")
plots.gradients({"sigmoid": norms["sigmoid"], "ReLU": norms["relu"]}, ax=left)
left.set_title("Ten layers, before training")
colours, styles = ("#0072B2", "#D55E00", "#D55E00", "#009E73"), ("-", "-", ":", ":")
for (name, (accuracy, found)), colour, style in zip(runs.items(), colours, styles, strict=True):
    print(f"{name}: accuracy {accuracy[-1]:.3f}, found: {', '.join(sorted(found)) or 'nothing'}")
    right.plot(range(1, 11), accuracy, style, color=colour, label=name)
right.set(xlabel="epoch", ylabel="training accuracy", ylim=(0, 1.02), title="Training")
right.legend(fontsize="small", loc=(0.57, 0.14))
fig.savefig("tutorials/figures/11_vanishing_gradients.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** Through ten sigmoid layers the gradient shrinks by a factor of more than
# 100,000, and the network guesses; with ReLU and He's weights by less than 100, and it learns. Dead
# ReLUs stay dead, while leaky ones recover. The doctor named the problem of each network that
# failed, and found none in the others.

# %%
shrunk = {name: by_layer["output"] / by_layer["hidden_1"] for name, by_layer in norms.items()}
assert shrunk["sigmoid"] > 1e5
assert shrunk["relu"] < 100
assert "vanishing gradients" in deep["sigmoid"][1]
assert "dying ReLU" in dead["relu"][1]
for sick, well in ((deep["sigmoid"], deep["relu"]), (dead["relu"], dead["leaky_relu"])):
    assert sick[0][-1] < 0.2
    assert max(well[0]) > 0.7  # An epoch of plain gradient descent may go back, also the last.
    assert not well[1]

# %% [markdown]
# # 11. Vanishing gradients and dying ReLUs
#
# Backpropagation multiplies by the derivative of every layer's activation. If these are small, the
# first layers hear nothing of the error; if they are 0 on all rows, a unit never moves again. Both
# look the same from outside: the loss does not fall. The doctor tells them apart.

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
# **Ten layers deep.** Sigmoid's derivative is a quarter at most, so that ten of them multiply to
# less than a millionth, next to the weights. ReLU's is 1 where a unit fires, and He's initial
# weights make up for the half of the units that do not. The builder takes Glorot's weights for the
# one and He's for the other.

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
# **Dead units.** One step that is too long can throw the biases of a layer far below 0, where no
# unit fires on any row. Here that is done on purpose. A ReLU has no derivative there; the leaky one
# keeps a fifth, and so a way back.

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
# 100,000, and the network guesses; with ReLU and He by less than 100, and it learns. Dead ReLUs
# stay dead, where leaky ones come back. The doctor named the fault of each that failed, and found
# none in the others.

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

# %% [markdown]
# # 9. Which learning rate, and when
#
# The learning rate is the first hyperparameter to tune. A sweep finds a good one in a few seconds;
# a schedule starts high, to make progress, and ends low, to converge.
#
# In the playground: `kerasnn playground`, then `#preset=rate-too-high` behind the address.

# %%
import os

import keras
import matplotlib.pyplot as plt

import kerasnn
from kerasnn import callbacks, data, models, optimizers, plots, schedules

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
digits = data.load("digits")
x, y = digits.x_train, digits.y_train


def network(rate):
    sgd = optimizers.SGD(rate, momentum=0.9)
    return models.mlp((8, 8, 1), 10, task="multiclass", optimizer=sgd, seed=seed)


# %% [markdown]
# **The finder** trains step by step at increasing rates, and then restores the model. The loss is
# first constant, then falls, and then diverges. The suggestion is a tenth of the rate with the
# lowest loss. For comparison, constant rates a hundred times lower and thirty times higher are
# trained.

# %%
sweep = kerasnn.lr_find(network(0.01), x, y, seed=seed)
epochs = 8
steps = epochs * -(-len(x) // 32)
print(f"suggested: {sweep.suggestion:.3g}")


def train(rate, schedule=None):
    decay = [callbacks.LearningRateDecay(schedule, per="step")] if schedule else []
    history = network(rate).fit(x, y, epochs=epochs, callbacks=decay, seed=seed, verbose=0)
    return history.history["loss"]


constant = {factor: train(factor * sweep.suggestion)[-1] for factor in (0.01, 1, 30)}
for factor, loss in constant.items():
    print(f"loss at {factor:g} times the suggestion: {loss:.3g}")

# %% [markdown]
# **Schedules.** A rate of 0.1 is far above the suggestion. Kept constant, it does not converge.
# Decay makes it converge. One cycle also avoids a high rate in the first steps, when the gradient
# is largest: the rate starts low, rises to its maximum, falls again, and ends near 0, while
# momentum falls and rises.

# %%
highest = 0.1
scheduled = {
    "constant": None,
    "cosine decay": schedules.Cosine(highest, steps=steps),
    "one cycle": schedules.OneCycle(highest, steps=steps),
}
losses = {name: train(highest, schedule) for name, schedule in scheduled.items()}
for name, loss in losses.items():
    print(f"loss with {name}: {loss[-1]:.3g}")

# %%
fig, (left, middle, right) = plt.subplots(1, 3, figsize=(8.6, 2.8), layout="constrained")
sweep.plot(ax=left)
left.set(xlabel="learning rate", ylabel="loss of a step, nats", ylim=(0, 5))
plots.learning_rates({name: rate for name, rate in scheduled.items() if rate}, ax=middle)
middle.set_ylim(0, 0.14)
middle.axhline(highest, color="black", linestyle=":")
colours, styles = ("black", "#0072B2", "#D55E00"), (":", "-", "-")
for (name, loss), colour, style in zip(losses.items(), colours, styles, strict=True):
    right.semilogy(range(1, epochs + 1), loss, style, color=colour, label=name)
right.set(xlabel="epoch", ylabel="training loss, nats")
right.legend(fontsize="small")
fig.savefig("tutorials/figures/09_learning_rates.png", dpi=90, metadata={"Software": None})

# %% [markdown]
# **What was learned.** At the suggestion the loss is less than a fifth of that after as many epochs
# at a rate thirty times higher, or a hundred times lower. A rate that is too high to keep is not
# too high to start with: decay and one cycle divide its final loss by three at least.

# %%
assert constant[1] < constant[30] / 5
assert constant[1] < constant[0.01] / 5
assert losses["cosine decay"][-1] < losses["constant"][-1] / 3
assert losses["one cycle"][-1] < losses["constant"][-1] / 3

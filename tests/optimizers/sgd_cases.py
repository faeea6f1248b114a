"""The training on which torch's SGD and kerasnn's are compared, and torch's run of it."""

import itertools

import numpy as np

STEPS = 100
# The rates before and after step `CHANGE`; the second layer is frozen until step `THAW`.
RATES, CHANGE, THAW = (0.03, 0.01), 50, 10
ROWS, FEATURES, UNITS = 20, 5, 3

rng = np.random.default_rng(0)
X = rng.normal(size=(ROWS, FEATURES)).astype("float32")
Y = rng.normal(size=(ROWS, 1)).astype("float32")
W = rng.normal(size=(FEATURES, UNITS)).astype("float32")
V = rng.normal(size=(UNITS, 1)).astype("float32")

_MOMENTA = (
    {"momentum": 0.0, "dampening": 0.0, "nesterov": False},
    {"momentum": 0.0, "dampening": 0.3, "nesterov": False},
    {"momentum": 0.9, "dampening": 0.0, "nesterov": False},
    {"momentum": 0.9, "dampening": 0.3, "nesterov": False},
    {"momentum": 0.9, "dampening": 0.0, "nesterov": True},
)
ARGUMENTS = [
    {**momentum, "weight_decay": decay, "maximize": maximize}
    for momentum, decay, maximize in itertools.product(_MOMENTA, (0.0, 0.1), (False, True))
]


def name_of(arguments):
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


def by_torch(arguments):
    """Returns both weights after steps `CHANGE` and `STEPS`, trained by `torch.optim.SGD`."""
    import torch

    x, y = torch.tensor(X), torch.tensor(Y)
    w, v = (torch.nn.Parameter(torch.tensor(start)) for start in (W, V))
    optimizer = torch.optim.SGD([w, v], lr=RATES[0], **arguments)
    after = []
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATES[step >= CHANGE]
        optimizer.zero_grad()
        torch.mean((torch.tanh(torch.tanh(x @ w) @ v) - y) ** 2).backward()
        if step < THAW:
            v.grad = None
        optimizer.step()
        if step + 1 in (CHANGE, STEPS):
            after.append([w.detach().numpy().tolist(), v.detach().numpy().tolist()])
    return after

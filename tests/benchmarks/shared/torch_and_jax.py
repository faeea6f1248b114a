"""The same networks, trained in torch's eager loop and in a `jax.lax.scan` over the batches.

Both draw a new order of the rows each epoch, keep loss and accuracy, and read them once an epoch.
"""

import functools
import importlib.util
import os
import time
from typing import Any

import numpy as np
from shared.networks import Network

_RATE, _BETA_1, _BETA_2 = 1e-3, 0.9, 0.999


def is_there(library: str) -> bool:
    """Whether a library can be imported."""
    return importlib.util.find_spec(library) is not None


def torch_fit(
    network: Network, x: Any, y: Any, batch_size: int, validation: Any, *, compiled: bool = False
) -> Any:
    """Returns a function that trains a new network of torch for some epochs.

    Where it is `compiled`, `torch.compile` makes one program of the network and one of the
    optimizer's step.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"

    def tensors(x: Any, y: Any) -> tuple[Any, Any]:
        x = np.moveaxis(x, -1, 1).copy() if "conv" in network.kinds else x
        return torch.from_numpy(x).to(device), torch.from_numpy(y).long().to(device)

    x, y = tensors(x, y)
    held = None if validation is None else tensors(*validation)
    model = torch.nn.Sequential(*_torch_layers(network), torch.nn.LazyLinear(network.outputs))
    model.to(device)(x[:2])
    optimizer = torch.optim.Adam(model.parameters(), _RATE, (_BETA_1, _BETA_2), network.epsilon)
    criterion = torch.nn.CrossEntropyLoss()
    update: Any = optimizer.step

    def run(x: Any, y: Any, order: Any, *, train: bool) -> tuple[float, float]:
        loss_sum = hits = torch.zeros((), device=device)
        for rows in order.split(batch_size):
            inputs, labels = x[rows], y[rows]
            with torch.autocast(device, torch.bfloat16, enabled=network.policy != "float32"):
                logits = model(inputs)
                loss = criterion(logits, labels)
            if train:
                optimizer.zero_grad()
                loss.backward()
                update()
            loss_sum = loss_sum + loss.detach() * len(rows)
            hits = hits + (logits.detach().argmax(1) == labels).sum()
        return float(loss_sum) / len(x), float(hits) / len(x)

    def seconds_with(threads: int) -> float:
        torch.set_num_threads(threads)
        began = time.perf_counter()
        run(x, y, torch.arange(min(len(x), 32 * batch_size), device=device), train=True)
        return time.perf_counter() - began

    # One is faster for small networks, and much so on a busy machine. The first call warms up.
    seconds_with(1)
    threads = min((1, os.cpu_count() or 1), key=seconds_with)
    if compiled:
        model, update = torch.compile(model), torch.compile(update)

    def fit(epochs: int) -> Any:
        torch.set_num_threads(threads)
        logs = []
        for _ in range(epochs):
            model.train()
            logs.append(run(x, y, torch.randperm(len(x), device=device), train=True))
            if held is not None:
                model.eval()
                with torch.no_grad():
                    logs[-1] += run(*held, torch.arange(len(held[0]), device=device), train=False)
        return logs

    return fit


def _torch_layers(network: Network) -> list[Any]:
    from torch import nn

    class Last(nn.Module):
        """A recurrent layer's output at the last step."""

        def __init__(self, layer: Any, units: int) -> None:
            super().__init__()
            self.layer = layer(network.inputs[-1], units, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.layer(x)[0][:, -1]

    makers: dict[str, Any] = {
        "dense": lambda units: [nn.LazyLinear(units), nn.ReLU()],
        "batch_norm": lambda: [nn.LazyBatchNorm1d()],
        "dropout": lambda rate: [nn.Dropout(rate)],
        "keras_dropout": lambda rate: [nn.Dropout(rate)],
        "simple_rnn": lambda units: [Last(nn.RNN, units)],
        "gru": lambda units: [Last(nn.GRU, units)],
        "lstm": lambda units: [Last(nn.LSTM, units)],
        "conv": lambda filters: [nn.LazyConv2d(filters, 3), nn.ReLU()],
        "pool": lambda: [nn.MaxPool2d(2)],
        "flatten": lambda: [nn.Flatten()],
    }
    return [layer for kind, *arguments in network.hidden for layer in makers[kind](*arguments)]


def jax_fit(network: Network, x: Any, y: Any, batch_size: int, validation: Any) -> Any:
    """Returns a function that trains a fresh dense network of JAX for some epochs."""
    import jax
    import jax.numpy as jnp

    rows = len(x)
    batch_size = min(batch_size, rows)
    full = rows - rows % batch_size
    x, y = jnp.asarray(x), jnp.asarray(y)
    held = None if validation is None else tuple(map(jnp.asarray, validation))
    generator = np.random.default_rng(0)
    weights, moving = _jax_weights(network, generator)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = (weights, moving, zeros, jax.tree.map(jnp.copy, zeros), jnp.zeros(()))

    def loss_of(weights: Any, moving: Any, x: Any, y: Any, key: Any) -> Any:
        logits, moving = _jax_logits(network, weights, moving, x, key)
        losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
        hits = jnp.sum(logits.argmax(axis=1) == y)
        return losses.mean(), (moving, jnp.stack([losses.sum(), hits.astype(losses.dtype)]))

    @functools.partial(jax.jit, donate_argnums=0)
    def epoch(state: Any, x: Any, y: Any, order: Any, key: Any) -> Any:
        def step(carry: Any, batch: Any) -> Any:
            (weights, moving, means, squares, count), key = carry
            key, drawn = jax.random.split(key)
            gradients, (moving, sums) = jax.grad(loss_of, has_aux=True)(
                weights, moving, x[batch], y[batch], drawn
            )
            count = count + 1
            means = _mix(_BETA_1, means, gradients)
            squares = _mix(_BETA_2, squares, jax.tree.map(jnp.square, gradients))
            rate = _RATE * jnp.sqrt(1 - _BETA_2**count) / (1 - _BETA_1**count)
            weights = jax.tree.map(
                lambda w, m, s: w - rate * m / (jnp.sqrt(s) + network.epsilon),
                weights,
                means,
                squares,
            )
            return ((weights, moving, means, squares, count), key), sums

        carry, sums = jax.lax.scan(step, (state, key), order[:full].reshape(-1, batch_size))
        sums = sums.sum(axis=0)
        if full < rows:
            carry, last = step(carry, order[full:])
            sums = sums + last
        return carry[0], sums / rows

    @jax.jit
    def evaluate(state: Any, x: Any, y: Any) -> Any:
        return loss_of(state[0], state[1], x, y, None)[1][1] / len(x)

    def fit(epochs: int) -> Any:
        nonlocal state
        logs = []
        for _ in range(epochs):
            order = generator.permutation(rows).astype(np.int32)
            state, log = epoch(state, x, y, order, jax.random.key(generator.integers(1 << 31)))
            logs.append(np.asarray(log))
            if held is not None:
                logs.append(np.asarray(evaluate(state, *held)))
        return logs

    return fit


def _mix(share: float, old: Any, new: Any) -> Any:
    import jax

    return jax.tree.map(lambda a, b: share * a + (1 - share) * b, old, new)


def _jax_weights(network: Network, generator: np.random.Generator) -> tuple[Any, Any]:
    """Returns the trained weights of each layer, and the moving statistics of each layer."""
    import jax.numpy as jnp

    size, weights, moving = network.inputs[0], [], []
    for kind, *arguments in (*network.hidden, ("dense", network.outputs)):
        held, seen = (), ()
        if kind == "dense":
            [units] = arguments
            limit = np.sqrt(6 / (size + units))
            kernel = generator.uniform(-limit, limit, (size, units))
            held, size = (jnp.asarray(kernel, jnp.float32), jnp.zeros(units)), units
        elif kind == "batch_norm":
            held, seen = (jnp.ones(size), jnp.zeros(size)), (jnp.zeros(size), jnp.ones(size))
        weights.append(held)
        moving.append(seen)
    return weights, moving


def _jax_logits(network: Network, weights: Any, moving: Any, x: Any, key: Any) -> tuple[Any, Any]:
    """Returns logits and the new moving statistics; without a key, those of inference."""
    import jax
    import jax.numpy as jnp

    new = []
    for i, (kind, *arguments) in enumerate((*network.hidden, ("dense", network.outputs))):
        seen = moving[i]
        if kind == "dense":
            kernel, bias = weights[i]
            x = x @ kernel + bias
            x = x if i == len(network.hidden) else jax.nn.relu(x)
        elif kind == "batch_norm":
            scale, offset = weights[i]
            mean, variance = seen if key is None else (x.mean(axis=0), x.var(axis=0))
            x = (x - mean) * jax.lax.rsqrt(variance + 1e-3) * scale + offset
            seen = seen if key is None else _mix(0.99, seen, (mean, variance))
        elif key is not None:
            [rate] = arguments
            keep = jax.random.bernoulli(jax.random.fold_in(key, i), 1 - rate, x.shape)
            x = jnp.where(keep, x / (1 - rate), 0)
        new.append(seen)
    return x, new

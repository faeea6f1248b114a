"""`scale.strategy`: the strategy of workers that are started by hand, once all of them answer."""

import os
import socket
import time

import tensorflow as tf

from kerasnn import _checks
from kerasnn._core.process.strategy import strategy_of_workers

_HINT = (
    'Such as {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}.'
)
_PAUSE_S = 0.2
_CONNECTION_S = 2.0


@_checks.known_arguments
def strategy(*, timeout_s: float = 300.0) -> tf.distribute.MultiWorkerMirroredStrategy:
    """Makes the strategy of the workers in `TF_CONFIG`, after it has waited for all of them.

    It is `tf.distribute.MultiWorkerMirroredStrategy()`, which by itself waits for the other workers
    without an end and does not react to SIGTERM meanwhile. Sums are those of NCCL where there are
    GPUs, and else of rings. As with TensorFlow's own, call it before TensorFlow runs anything. The
    wait is ahead of it: a worker that ends in the moment after all have answered is still waited
    for by TensorFlow.

    Args:
        timeout_s: Longest wait for the other workers in seconds.

    Returns:
        The strategy. Make and compile the model in its scope.

    Raises:
        InvalidArgument: If `TF_CONFIG` in the environment does not name the workers and the number
            of this one, or the port of this worker is in use.
        TimeoutError: If a worker does not answer in time.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import models, scale
        >>> with scale.strategy(timeout_s=60).scope():  # doctest: +SKIP
        ...     net = models.mlp(4, outputs=3, task="multiclass")
    """
    _checks.number("timeout_s", timeout_s, above=0)
    own, others = _workers()
    if others:
        _wait(own, others, timeout_s)
    return strategy_of_workers()


def _workers() -> tuple[str, list[str]]:
    """Returns the address of this worker, and those of the others."""
    try:
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        spec, kind, index = resolver.cluster_spec(), resolver.task_type, resolver.task_id
        own = spec.task_address(kind, index)
        # A missing port.
        _host_and_port(own)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _checks.InvalidArgument(
            "TF_CONFIG",
            "be JSON with the addresses of all workers and the number of this one",
            os.environ.get("TF_CONFIG"),
            _HINT,
            got=f"{os.environ.get('TF_CONFIG')!r} ({_checks.first_line(error)})",
        ) from error
    named = [address for job in spec.jobs for address in spec.job_tasks(job)]
    return own, [address for address in named if address != own]


def _wait(own: str, others: list[str], timeout_s: float) -> None:
    """Waits until all others listen, while this worker does, on the port that it trains on."""
    deadline = time.monotonic() + timeout_s
    try:
        # It answers on all addresses of this machine, as TensorFlow's server does.
        listener = socket.create_server(
            ("", _host_and_port(own)[1]),
            family=socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET,
            dualstack_ipv6=socket.has_dualstack_ipv6(),
            backlog=len(others) + 128,
        )
    except OSError as error:
        raise _checks.InvalidArgument(
            "TF_CONFIG",
            "name a port of this worker that is free",
            own,
            "Another process uses it, perhaps one of the last run that has not ended.",
            got=f"{own} ({os.strerror(error.errno or 0)})",
        ) from error
    with listener:
        missing = others
        while missing := [address for address in missing if not _answers(address)]:
            if time.monotonic() >= deadline:
                raise TimeoutError(
                    f"No answer within {timeout_s:g} s from {', '.join(missing)}, which TF_CONFIG "
                    f"names beside this worker, {own}. Start the script there too; look at its "
                    "output, at the port, and at firewalls between the machines."
                )
            time.sleep(_PAUSE_S)


def _answers(address: str) -> bool:
    try:
        socket.create_connection(_host_and_port(address), timeout=_CONNECTION_S).close()
    except OSError:
        return False
    return True


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)

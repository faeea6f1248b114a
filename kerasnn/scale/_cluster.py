"""The Ray cluster that workers run on: one that is there, or one of this machine alone."""

import contextlib
import dataclasses
import logging
import os
from collections.abc import Iterator
from typing import Any

import grpc
import ray

from kerasnn import _checks

_SECONDS = 10
# Beside the data, for what Ray itself stores.
_STORE_BYTES = 200_000_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Needs:
    """What a training needs of a cluster.

    Attributes:
        workers: Number of workers.
        cpus: CPUs of each.
        gpus: GPUs of each.
        data_bytes: Size of the data.
    """

    workers: int
    cpus: int
    gpus: int
    data_bytes: int


@contextlib.contextmanager
def cluster(address: str | None, needs: Needs, *, quiet: bool) -> Iterator[None]:
    """Connects to a Ray cluster, or starts one, which ends with the context.

    A process that is connected already stays so, whatever the address.

    Args:
        address: Address of a cluster, `"auto"`, or None for one that is started here.
        needs: What the cluster has to have.
        quiet: Whether what the workers print is left out.

    Raises:
        InvalidArgument: If there is no cluster at the address, or it has too little.
    """
    if ray.is_initialized():
        _check(needs)
        yield
        return
    # Ray sends statistics of its use to its makers otherwise.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with _own_log():
        shown = {
            "log_to_driver": not quiet,
            "logging_level": "ERROR",
            # Ray Train warns every second that it cannot ask the dashboard, which is not there.
            "logging_config": ray.LoggingConfig(log_level="ERROR"),
        }
        if address is None:
            ray.init(
                address="local",
                num_cpus=needs.workers * needs.cpus,
                include_dashboard=False,
                object_store_memory=_STORE_BYTES + 2 * needs.data_bytes,
                **shown,
            )
        else:
            _connect(address, shown)
    try:
        _check(needs)
        yield
    finally:
        ray.shutdown()


def machines() -> int:
    """Returns the number of machines of the cluster."""
    return sum(node["Alive"] for node in ray.nodes())


@contextlib.contextmanager
def _own_log() -> Iterator[None]:
    """Puts back what Ray changes of the log of this process."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        yield
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers


def _connect(address: str, shown: dict[str, Any]) -> None:
    try:
        if address != "auto":
            # Ray itself ends the process where nobody answers.
            channel = grpc.insecure_channel(address)
            try:
                grpc.channel_ready_future(channel).result(timeout=_SECONDS)
            finally:
                channel.close()
        ray.init(address=address, **shown)
    except (grpc.FutureTimeoutError, ConnectionError, RuntimeError, ValueError) as error:
        found = _checks.first_line(error) or f"no answer within {_SECONDS} seconds"
        raise _checks.InvalidArgument(
            "address",
            "be the address of a Ray cluster, such as 10.0.0.1:6379, or 'auto'",
            address,
            "Start one by `ray start --head`, or leave `address` out to start one here. Where the "
            "cluster checks tokens, set the environment variable RAY_AUTH_MODE=token.",
            got=f"address={address!r}: {found}",
        ) from error


def _check(needs: Needs) -> None:
    """Raises if the cluster has too little, whatever else runs on it."""
    has = ray.cluster_resources()
    for kind, each in (("CPU", needs.cpus), ("GPU", needs.gpus)):
        found = int(has.get(kind, 0))
        if found < needs.workers * each:
            raise _checks.InvalidArgument(
                "workers",
                f"be at most {found // each}, with {each} {kind} each on a cluster of {found}",
                needs.workers,
                "Use fewer workers, or add machines to the cluster.",
            )

"""TensorFlow Datasets' builders and splits: ready to read, or refused within seconds."""

import http.client
import os
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

from kerasnn import _checks

_PATIENCE_S = 3.0


def prepared_builder(name: str, data_dir: str | os.PathLike | None) -> Any:
    """Returns the builder of a set whose files are there, preparing them if need be.

    Args:
        name: The set's name.
        data_dir: Where prepared sets are; None is TFDS's own place.

    Raises:
        ValueError: If no set has that name.
        ConnectionError: If the set is not prepared and no network answers.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        known = tfds.list_builders(with_community_datasets=False)
        hint = _checks.did_you_mean(str(name).partition("/")[0].partition(":")[0], known)
        raise _checks.InvalidArgument(
            "name",
            "be a set of TensorFlow Datasets, or one that is prepared in `data_dir`",
            name,
            hint or "tensorflow_datasets.list_builders() lists them.",
        ) from None
    if not builder.is_prepared():
        try:
            # Answers only under tfds.testing.mock_data, which prepares nothing.
            builder.as_dataset()
        except AssertionError:
            _prepare(builder)
    return builder


def choose_splits(builder: Any, split: str | Sequence[str] | None) -> tuple[str, ...]:
    """Returns the one split to divide, or the two to train and to test on.

    Args:
        builder: A prepared builder.
        split: One split or two in TFDS's syntax; None is ("train", "test") where the set has both
            and otherwise its only split.

    Raises:
        ValueError: If a split is unknown or empty, or if two splits share rows.
    """
    known = builder.info.splits
    parts = (split,) if isinstance(split, str) else None if split is None else tuple(split)
    if not known:
        # tfds.testing.mock_data tells no splits and answers to any.
        return parts or ("train", "test")
    if parts is None and {"train", "test"} <= set(known):
        return ("train", "test")
    if parts is None and len(known) == 1:
        return tuple(known)
    listed = ", ".join(map(repr, known))
    if parts is None or len(parts) not in (1, 2):
        raise _checks.InvalidArgument("split", f"name one or two of {listed}", split)
    try:
        found = [known[part] for part in parts]
        empty = any(info.num_examples < 1 for info in found)
    except (KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise _checks.InvalidArgument(
            "split", f"be in TFDS's syntax, over {listed}", split, reason
        ) from None
    if empty:
        raise _checks.InvalidArgument("split", "leave no part empty", split)
    shared = _shared_rows(*found) if len(found) == 2 else 0
    if shared:
        raise _checks.InvalidArgument(
            "split", "keep apart what trains and what tests", split, f"{shared} rows are in both."
        )
    return parts


def _shared_rows(train: Any, test: Any) -> int:
    return sum(
        max(0, min(a.skip + a.take, b.skip + b.take) - max(a.skip, b.skip))
        for a in train.file_instructions
        for b in test.file_instructions
        if a.filename == b.filename
    )


def _prepare(builder: Any) -> None:
    # With no network TFDS would go on trying for minutes.
    hosts = {"storage.googleapis.com", urllib.parse.urlsplit(builder.info.homepage).hostname}
    if not _any_answers([host for host in hosts if host]):
        name = builder.info.full_name
        raise ConnectionError(
            f"{builder.info.name!r} is not prepared in {builder.data_dir_root} and no network "
            f"answers to download it. Where there is a network, run\n"
            f'    python -c "import tensorflow_datasets as tfds; tfds.load({name!r})"\n'
            f"and copy the folder {builder.info.name!r} that appears in ~/tensorflow_datasets to "
            f"{builder.data_dir_root}, or name its parent in `data_dir`."
        )
    builder.download_and_prepare()


def _any_answers(hosts: list[str]) -> bool:
    """Whether one of the hosts answers in time, through a proxy if the environment names one."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(host: str) -> None:
        request = urllib.request.Request(f"https://{host}", method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=_PATIENCE_S).close()
        except urllib.error.HTTPError:
            answers.put(True)  # An answer, if not a kind one.
        except (OSError, http.client.HTTPException):
            answers.put(False)
        else:
            answers.put(True)

    for host in hosts:
        # Looking up a name ignores the timeout, so no thread is waited for.
        threading.Thread(target=ask, args=(host,), daemon=True).start()
    try:
        return any(answers.get(timeout=_PATIENCE_S) for _ in hosts)
    except queue.Empty:
        return False

"""Builders and splits of TensorFlow Datasets."""

import os
import urllib.parse
from collections.abc import Sequence
from typing import Any

from kerasnn import _checks
from kerasnn._core.network import connection_error


def prepared_builder(name: str, data_dir: str | os.PathLike | None) -> Any:
    """Returns the builder of a data set, which is downloaded and prepared if it has to be.

    Args:
        name: Name of the data set.
        data_dir: Folder of prepared data sets; None is TFDS's default.

    Raises:
        InvalidArgument: If no data set has that name.
        ConnectionError: If it is not prepared and cannot be downloaded.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.DatasetNotFoundError:
        known = tfds.list_builders(with_community_datasets=False)
        hint = _checks.did_you_mean(str(name).partition("/")[0].partition(":")[0], known)
        raise _checks.InvalidArgument(
            "name",
            "be a data set of TensorFlow Datasets, or a prepared one in `data_dir`",
            name,
            hint or "tensorflow_datasets.list_builders() lists them.",
        ) from None
    if not builder.is_prepared():
        try:
            # Works only under tfds.testing.mock_data, which prepares nothing.
            builder.as_dataset()
        except AssertionError:
            _prepare(builder)
    return builder


def choose_splits(builder: Any, split: str | Sequence[str] | None) -> tuple[str, ...]:
    """Returns the names of one split to divide, or of a training and a test split.

    Args:
        builder: A prepared builder.
        split: One split or two in TFDS's syntax; None is ("train", "test") if the data set has
            both, and otherwise its only split.

    Raises:
        InvalidArgument: If a split is unknown or empty, or if two splits share rows.
    """
    known = builder.info.splits
    parts = (split,) if isinstance(split, str) else None if split is None else tuple(split)
    if not known:
        # tfds.testing.mock_data lists no splits and accepts any.
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
            "split", "have no row in both parts", split, f"{shared} rows are in both."
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
    # Without a network TFDS would try for minutes.
    hosts = {"storage.googleapis.com", urllib.parse.urlsplit(builder.info.homepage).hostname}
    error = connection_error([f"https://{host}" for host in hosts if host])
    if error is not None:
        name = builder.info.full_name
        raise ConnectionError(
            f"{builder.info.name!r} is not prepared in {builder.data_dir_root} and cannot be "
            f"downloaded: {error}. On a machine with a network, run\n"
            f'    python -c "import tensorflow_datasets as tfds; tfds.load({name!r})"\n'
            f"and copy the folder {builder.info.name!r} that appears in ~/tensorflow_datasets to "
            f"{builder.data_dir_root}, or give its parent as `data_dir`."
        ) from error
    builder.download_and_prepare()

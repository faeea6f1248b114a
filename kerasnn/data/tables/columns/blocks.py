"""Rows of a table, block by block."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.table import FLOAT64_INTEGERS, Table


class Block:
    """Some rows of a table.

    Args:
        start: Index of the first.
        frame: The rows.
    """

    def __init__(self, start: int, frame: pl.DataFrame) -> None:
        self.start = start
        self.frame = frame
        self._raw: dict[str, RawColumn] = {}

    def __getitem__(self, name: str) -> RawColumn:
        """Returns a column, which is converted once."""
        if name not in self._raw:
            self._raw[name] = RawColumn.of(self.frame[name])
        return self._raw[name]

    def raw(self, kinds: Mapping[str, str]) -> dict[str, RawColumn]:
        """Returns columns as an encoder takes them.

        Args:
            kinds: Name -> kind, of the columns.
        """
        return {
            name: RawColumn(self[name].numbers()) if kind == "number" else self[name]
            for name, kind in kinds.items()
        }

    def complete(self, columns: Sequence[str]) -> np.ndarray:
        """Returns a mask of the rows with a value in each of some columns."""
        if not columns:
            return np.ones(len(self.frame), bool)
        mask = self.frame.select(pl.all_horizontal(pl.col(*columns).is_not_null()))
        return mask.to_series().to_numpy()

    def select(self, rows: np.ndarray) -> "Block":
        """Returns a block of the rows with these indices in the frame."""
        return Block(0, self.frame[rows])


class Blocks:
    """The rows of a table, as one block in memory or block by block in each pass.

    Args:
        table: The table.
        frame: All its rows, or None to read them in each pass.
        numeric: Name of a column of texts that are read as numbers where float64 holds all their
            digits.
    """

    def __init__(self, table: Table, *, frame: pl.DataFrame | None, numeric: str | None) -> None:
        self.table = table
        self._numeric = numeric
        self._whole = None if frame is None else self._block(0, frame)

    def read(self, *, progress: bool = False) -> Iterator[Block]:
        """Yields the blocks."""
        if self._whole is not None:
            yield self._whole
            return
        start = 0
        for frame in self.table.frames(progress=progress):
            yield self._block(start, frame)
            start += len(frame)

    def _block(self, start: int, frame: pl.DataFrame) -> Block:
        """Returns a block, in which the numeric column is one of numbers if it can be."""
        if self._numeric is not None and frame.schema[self._numeric] == pl.String:
            texts = frame[self._numeric]
            numbers = texts.cast(pl.Float64, strict=False)
            is_exact = not (numbers.abs() >= FLOAT64_INTEGERS).any()
            if is_exact and numbers.null_count() == texts.null_count():
                frame = frame.with_columns(numbers)
        return Block(start, frame)

    def selected(self, mask: np.ndarray) -> Iterator[tuple[np.ndarray, Block]]:
        """Yields blocks that hold some rows of a mask, with their indices in the block."""
        left = np.count_nonzero(mask)
        for block in self.read():
            here = np.flatnonzero(mask[block.start : block.start + len(block.frame)])
            if len(here):
                yield here, block
            left -= len(here)
            if not left:
                return

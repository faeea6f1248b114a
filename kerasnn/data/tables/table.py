"""Interface of tables: named columns of numbers, text, booleans and dates, read in blocks."""

import abc
from collections.abc import Collection, Iterator, Sequence

import polars as pl

# float64 holds all integers below this size.
FLOAT64_INTEGERS = 2**53
# Numbers that may be codes.
LEADING_ZEROS = r"^\s*0[0-9]+\s*$"
_FEW_ROWS = 1 << 12


class Table(abc.ABC):
    """A table with named columns, whose rows can be read more than once.

    A column is `pl.Float64` where all its cells are numbers, `pl.Boolean`, `pl.Date` or
    `pl.Datetime` where the source says so, and else text without blanks around it: `pl.String`, or
    a `pl.Enum` of the texts that occur. A missing cell is null; a number that is not finite is not
    missing.

    Attributes:
        names: Names of all columns, also of those that are left out.
        source: What the rows come from, for errors.
        argument: Name of the argument that gives the table, for errors.
        hint: What may be wrong where a table has one column only.
    """

    names: tuple[str, ...]
    source: str
    argument: str
    hint: str = ""

    @abc.abstractmethod
    def frames(self, *, progress: bool = False) -> Iterator[pl.DataFrame]:
        """Yields the rows in their order, in frames of bounded size and equal kinds.

        Args:
            progress: Whether to show a progress bar on a terminal, after two seconds.
        """

    @abc.abstractmethod
    def frame(self) -> pl.DataFrame:
        """Returns all rows, of the types that `frames` gives them."""

    @abc.abstractmethod
    def places(self, rows: Sequence[int]) -> str:
        """Returns where rows are, for an error: "line 3, 6", or "row 1, 4".

        Args:
            rows: Indices of rows, from 0.
        """

    @abc.abstractmethod
    def cell(self, name: str, row: int) -> str:
        """Returns a cell as it was written, for an error."""

    @abc.abstractmethod
    def leading_zeros(self, name: str) -> str:
        """Returns a cell such as 01234 of a column of numbers, empty if there is none.

        Args:
            name: The column, all rows of which have been read.
        """

    def place(self, row: int) -> str:
        """Returns where a row is, for an error: "line 17", or "row 15"."""
        return self.places([row])


def missing_texts(missing_values: Collection[str]) -> list[str]:
    """Returns the texts that stand for a missing value, the empty one among them."""
    return sorted({"", *(value.strip() for value in missing_values)})


def clean_text(texts: pl.DataFrame, columns: Sequence[str], missing: Sequence[str]) -> pl.DataFrame:
    """Returns those columns without blanks around texts, and null for those in `missing`."""
    stripped = texts.select(pl.col(*columns).str.strip_chars()) if columns else pl.DataFrame()
    return stripped.select(pl.when(~pl.all().is_in(missing)).then(pl.all()))


def categories(texts: pl.Series, missing: Sequence[str]) -> pl.Series:
    """Returns a column as `clean_text` does, as an Enum; each different text is looked at once.

    >>> categories(pl.Series(["a", " a", "NA", "b"]), ["", "NA"]).to_list()
    ['a', 'a', None, 'b']
    """
    given = _different(texts.head(_FEW_ROWS))
    found = texts.cast(pl.Enum(given), strict=False)
    # Few rows have all names of most columns.
    if found.null_count() > texts.null_count():
        given = _different(texts)
        found = texts.cast(pl.Enum(given))
    names = given.str.strip_chars()
    names = names.set(names.is_in(missing), None)
    if names.equals(given):
        return found
    kept = pl.Enum(_different(names))
    return names.cast(kept).gather(found.to_physical()).alias(texts.name)


def _different(texts: pl.Series) -> pl.Series:
    # In order of occurrence: nothing may depend on a random one.
    return texts.unique(maintain_order=True).drop_nulls()


def numbers(texts: pl.DataFrame, columns: Collection[str], missing: Sequence[str]) -> pl.DataFrame:
    """Returns those columns that hold nothing but numbers and missing values, as `pl.Float64`.

    A number is what Python's `float` reads, in ASCII and without underscores; blanks around it
    do not count. A column whose large integers are different texts and one number in float64 is
    none of numbers.

    >>> frame = pl.DataFrame({"a": ["1e3", " .5", "NA"], "b": ["1_000", "2", "3"]})
    >>> numbers(frame, ["a", "b"], ["", "NA"]).to_dict(as_series=False)
    {'a': [1000.0, 0.5, None]}
    """
    cast = texts.select(pl.col(*columns).cast(pl.Float64, strict=False)) if columns else texts
    codes = missing_numbers(missing)
    found = []
    for name in columns:
        values = _numbers(texts[name], cast[name], missing, codes)
        if values is not None:
            found.append(values)
    return pl.DataFrame(found)


def _numbers(
    texts: pl.Series, values: pl.Series, missing: Sequence[str], codes: pl.Series
) -> pl.Series | None:
    if values.null_count() > texts.null_count():
        unread = texts.filter(values.is_null()).unique().str.strip_chars()
        unread = unread.filter(~unread.is_in(missing)).drop_nulls()
        if unread.cast(pl.Float64, strict=False).null_count():
            return None
        if len(unread):
            texts = texts.str.strip_chars()
            values = texts.cast(pl.Float64, strict=False)
    # Texts that stand for a missing value may be numbers too: "nan", "-999".
    if may_be_missing(values.to_frame(), codes):
        absent = texts.str.strip_chars().is_in(missing)
        values = values.to_frame().select(pl.when(~absent).then(pl.first())).to_series()
    return None if _merges(texts, values) else values


def _merges(texts: pl.Series, values: pl.Series) -> bool:
    large = values.is_between(-FLOAT64_INTEGERS, FLOAT64_INTEGERS, closed="none")
    large = ~large & values.is_finite()
    if not large.any():
        return False
    return texts.filter(large).n_unique() > values.filter(large).n_unique()


def are_small(values: pl.DataFrame) -> bool:
    """Whether all numbers are of a size at which float64 holds all integers."""
    if not values.width:
        return True
    least, most = values.select(pl.all().min()).row(0), values.select(pl.all().max()).row(0)
    return all(abs(limit) < FLOAT64_INTEGERS for limit in (*least, *most) if limit is not None)


def may_be_missing(values: pl.DataFrame, codes: pl.Series) -> bool:
    """Whether one of some numbers may have been a text that stands for a missing value.

    Args:
        values: Columns of numbers.
        codes: `missing_numbers`.
    """
    odd = pl.all().is_nan().any()
    if len(codes):
        odd |= pl.all().is_in(codes.implode()).any()
    return any(values.select(odd).row(0)) if values.width else False


def missing_numbers(missing: Sequence[str]) -> pl.Series:
    """Returns the numbers among the texts that stand for a missing value, except NaN."""
    texts = pl.Series(missing, dtype=pl.String)
    return texts.cast(pl.Float64, strict=False).fill_nan(None).drop_nulls()

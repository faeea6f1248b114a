"""Warnings of columns that may be read otherwise than they are meant."""

from collections.abc import Sequence

from kerasnn.data.split import Split
from kerasnn.data.tables.columns import CategoryColumn
from kerasnn.data.tables.columns.dates import date_hint
from kerasnn.data.tables.table import Table
from kerasnn.data.tables.table_options import TableOptions


def table_warnings(split: Split, table: Table, options: TableOptions) -> list[str]:
    """Returns a text for each column of doubtful names, dates or numbers.

    Args:
        split: The table as it was read.
        table: The table.
        options: The arguments; dates and numbers in `categorical` are meant as names.
    """
    classes, meant = split.classes or (), options.categorical
    names = {
        column.name: column.categories
        for column in split.encoder.columns
        if isinstance(column, CategoryColumn) and column.name != options.target
    }
    numbers = [column.name for column in split.encoder.columns if column.kind == "number"]
    texts = [
        *(_spelt(name, categories, "categories") for name, categories in names.items()),
        _spelt(options.target, classes, "classes"),
        *(_dates(name, categories) for name, categories in names.items() if name not in meant),
        *(
            _zeros(name, table)
            for name in dict.fromkeys([*numbers, options.target])
            if name not in meant
        ),
    ]
    return [text for text in texts if text]


def _spelt(name: str, texts: Sequence[str], what: str) -> str:
    """Returns the warning of names that differ in case alone, or nothing."""
    first: dict[str, str] = {}
    for text in texts:
        other = first.setdefault(text.casefold(), text)
        if other != text:
            return (
                f"The column {name!r} holds {other!r} and {text!r}, which differ in case alone and "
                f"are two {what}. If they mean the same, write them in the same way."
            )
    return ""


def _dates(name: str, texts: Sequence[str]) -> str:
    """Returns the warning of dates that are taken as names, or nothing."""
    hint = date_hint(name, texts)
    if not hint:
        return ""
    return (
        f"The column {name!r} is taken as {len(texts)} names, such as {texts[0]!r}. {hint} If they "
        f"are names, give categorical=({name!r},)."
    )


def _zeros(name: str, table: Table) -> str:
    """Returns the warning of numbers that may be codes, or nothing."""
    cell = table.leading_zeros(name)
    if not cell:
        return ""
    return (
        f"The column {name!r} holds {cell!r}, which is read as the number {int(cell)}. If it holds "
        f"codes, such as postal codes, give categorical=({name!r},)."
    )

"""Columns that a command leaves out of a table, with the reasons."""

import shlex

import polars as pl
import tensorflow as tf

from kerasnn.data.tables.columns.dates import DateFormat, parse_dates
from kerasnn.data.tables.columns.kinds import ColumnSummary
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.columns.statistics import statistics_for
from kerasnn.data.tables.table import Table
from kerasnn.data.tables.table_options import TableOptions

# Rows that were taken out of a table leave gaps in the numbers of the others.
_GAPS = 1.25
# Of dates that are not ISO's.
_DATE_FORMATS = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%d/%m/%y", "%m/%d/%y")


def left_out(
    table: Table, frame: pl.DataFrame, options: TableOptions
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Returns name -> reason of the columns to leave out, and the names of text columns.

    Left out are columns without a value, with one value in all rows, of numbers that count the
    rows, and of texts that are sentences or identifiers. Columns that cannot be read, such as
    numbers mixed with text, are none of these.

    Args:
        table: The table.
        frame: Its rows.
        options: Arguments of the reading; columns in `categorical` are kept.
    """
    reasons, texts = {}, []
    for name in options.features(table):
        if name in (options.target, options.split_by):
            continue
        values = frame[name]
        present = values.drop_nulls()
        raw = RawColumn.of(values)
        is_category = _kind(table, values, raw, options) == "category"
        if not len(present):
            reasons[name] = "it holds no value"
        elif not values.null_count() and present.n_unique() == 1:
            reasons[name] = f"all rows have {present[0]!r}"
        elif name in options.categorical:
            continue
        elif _counts_rows(values):
            reasons[name] = f"it counts the rows, from {present.min():g} to {present.max():g}"
        elif is_category:
            reason = _identifiers(values.name, raw, options)
            if reason:
                reasons[name] = reason
            else:
                texts.append(name)
    return reasons, tuple(texts)


def _kind(table: Table, values: pl.Series, raw: RawColumn, options: TableOptions) -> str:
    """Returns the kind of a column, or nothing where it cannot be read."""
    name = values.name
    if name in options.date_formats:
        return "date"
    summary = ColumnSummary(name, as_text=name in options.categorical)
    summary.update(values, raw, 0)
    try:
        return summary.kind(table)
    except ValueError:
        # The reading reports it, with all others of its sort.
        return ""


def _counts_rows(values: pl.Series) -> bool:
    """Returns whether numbers are 0, 1, 2, ... or 1, 2, 3, ..., with few gaps."""
    if values.dtype != pl.Float64 or values.null_count() or len(values) < 3:
        return False
    steps = values.diff().drop_nulls()
    whole = bool((steps == steps.floor()).all()) and bool((steps >= 1).all())
    return values[0] in (0.0, 1.0) and whole and values[-1] <= _GAPS * len(values)


def _identifiers(name: str, raw: RawColumn, options: TableOptions) -> str:
    """Returns why texts are no categories, or nothing."""
    statistics = statistics_for("category", name, "indicator", embed_above=options.embed_above)
    statistics.update(raw)
    try:
        statistics.finish()
    except ValueError:
        distinct, rows = len(raw.present), statistics.rows
        reason = f"it holds {distinct} different texts in {rows} rows, which are no categories"
        formats = [f"--dates {shlex.quote(f'{name}={each}')}" for each in _date_formats(raw)]
        return f"{reason}; if they are dates, give {' or '.join(formats)}" if formats else reason
    return ""


def _date_formats(raw: RawColumn) -> list[str]:
    """Returns the usual formats of which all texts are dates."""
    texts = tf.constant(raw.present)
    return [
        each
        for each in _DATE_FORMATS
        if bool(tf.reduce_all(parse_dates(texts, DateFormat.parse(each)).valid))
    ]

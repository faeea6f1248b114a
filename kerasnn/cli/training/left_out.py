"""Columns that a command leaves out of a table, with the reasons."""

import shlex

import polars as pl

from kerasnn._core.display.blocks import shown
from kerasnn.data.tables.columns.dates import usual_formats
from kerasnn.data.tables.columns.kinds import ColumnSummary
from kerasnn.data.tables.columns.raw import RawColumn
from kerasnn.data.tables.columns.statistics import statistics_for
from kerasnn.data.tables.table import Table
from kerasnn.data.tables.table_options import TableOptions


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
        summary = _summary(values, raw, options)
        is_category = _kind(table, summary, options) == "category"
        if not len(present):
            reasons[name] = "it holds no value"
        elif not values.null_count() and present.n_unique() == 1:
            reasons[name] = f"all rows have {present[0]!r}"
        elif name in options.categorical:
            continue
        elif summary.counts_rows:
            first, last = (shown(float(limit)) for limit in (raw.values.min(), raw.values.max()))
            reasons[name] = f"it counts the rows, from {first} to {last}"
        elif is_category:
            reason = _identifiers(values.name, raw, options)
            if reason:
                reasons[name] = reason
            else:
                texts.append(name)
    return reasons, tuple(texts)


def _summary(values: pl.Series, raw: RawColumn, options: TableOptions) -> ColumnSummary:
    summary = ColumnSummary(values.name, as_text=values.name in options.categorical)
    summary.update(values, raw, 0)
    return summary


def _kind(table: Table, summary: ColumnSummary, options: TableOptions) -> str:
    """Returns the kind of a column, or nothing where it cannot be read."""
    if summary.name in options.date_formats:
        return "date"
    try:
        return summary.kind(table)
    except ValueError:
        # The reading reports it, with all others of its sort.
        return ""


def _identifiers(name: str, raw: RawColumn, options: TableOptions) -> str:
    """Returns why texts are no categories, or nothing."""
    statistics = statistics_for("category", name, "indicator", embed_above=options.embed_above)
    statistics.update(raw)
    try:
        statistics.finish()
    except ValueError:
        distinct, rows = len(raw.present), statistics.rows
        reason = f"it holds {distinct} different texts in {rows} rows, which are no categories"
        formats = [
            f"--dates {shlex.quote(f'{name}={each}')}" for each in usual_formats(list(raw.present))
        ]
        return f"{reason}; if they are dates, give {' or '.join(formats)}" if formats else reason
    return ""

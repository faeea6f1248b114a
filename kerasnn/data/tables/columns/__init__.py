"""Columns of a table: what they hold, what is learned of them, and how they become x."""

from kerasnn.data.tables.columns.specs import BooleanColumn as BooleanColumn
from kerasnn.data.tables.columns.specs import CategoryColumn as CategoryColumn
from kerasnn.data.tables.columns.specs import Column as Column
from kerasnn.data.tables.columns.specs import DateColumn as DateColumn
from kerasnn.data.tables.columns.specs import NumberColumn as NumberColumn
from kerasnn.data.tables.columns.specs import column_from_config as column_from_config

"""Dates: texts as parts of the proleptic Gregorian calendar, in a TensorFlow graph."""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from kerasnn import _checks

_MONTHS = (
    *("jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?"),
    *("aug(?:ust)?", "sep(?:tember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?"),
)
_TWO_DIGITS = "([0-9]{1,2})"
# Directives of strptime, their field, and their pattern, for the engines of Rust and C++.
_DIRECTIVES = {
    "Y": ("year", "([0-9]{4})"),
    "y": ("year", "([0-9]{2})"),
    "m": ("month", _TWO_DIGITS),
    "b": ("month", _TWO_DIGITS),
    "B": ("month", _TWO_DIGITS),
    "d": ("day", _TWO_DIGITS),
    "H": ("hour", _TWO_DIGITS),
    "M": ("minute", _TWO_DIGITS),
    "S": ("second", _TWO_DIGITS),
    "f": ("fraction", "([0-9]{1,9})"),
}
# Of dates that are not ISO's.
_USUAL_FORMATS = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d"),
    *("%d/%m/%y", "%m/%d/%y"),
)
_DAY_SECONDS = 86400


class Dates(NamedTuple):
    """Dates as integer tensors; all of 1970-01-01 where the text is none.

    Attributes:
        valid: Whether the text is a date.
        year: From 1.
        month: From 1.
        day: Day of the month, from 1.
        weekday: 0 is Monday.
        day_of_year: From 1.
        hour: From 0.
        minute: From 0.
        days: Days since 1970-01-01 and the fraction of the day, in float64.
    """

    valid: Any
    year: Any
    month: Any
    day: Any
    weekday: Any
    day_of_year: Any
    hour: Any
    minute: Any
    days: Any


@dataclasses.dataclass(frozen=True)
class DateFormat:
    """How dates are written.

    Args:
        pattern: Regular expression of a whole text.
        numeric: The same after names of months have become numbers.
        rewrite: Its groups as `year,month,day,hour,minute,seconds`.
        short_years: Whether years have two digits: 69 to 99 are 1969 to 1999, as in Python.
        named_months: Whether months have English names.
    """

    pattern: str
    numeric: str
    rewrite: str
    short_years: bool = False
    named_months: bool = False

    @classmethod
    def parse(cls, text: str | None) -> "DateFormat":
        """Returns a format from one of `strptime`; None is ISO's, with or without a time.

        Raises:
            InvalidArgument: If a directive is none of %Y %y %m %b %B %d %H %M %S %f, comes twice,
                or there is no year.
        """
        if text is None:
            return _ISO
        pieces = re.split(r"%(.)", text)
        fields: dict[str, int] = {}
        pattern, numeric = "", ""
        for i, piece in enumerate(pieces):
            if i % 2 == 0:
                pattern += re.escape(piece)
                numeric += re.escape(piece)
                continue
            field, group = _DIRECTIVES.get(piece, ("", ""))
            if not field or field in fields:
                raise _checks.InvalidArgument(
                    "dates",
                    "hold formats of %Y %y %m %b %B %d %H %M %S %f, each field once",
                    text,
                    "Write other dates as ISO's 2024-12-31 first.",
                )
            fields[field] = len(fields) + 1
            numeric += group
            pattern += f"({'|'.join(_MONTHS)})" if piece in "bB" else group
        if "year" not in fields:
            raise _checks.InvalidArgument("dates", "name the year, with %Y or %y", text)
        seconds = rf"0\{fields['second']}" if "second" in fields else "0"
        seconds += rf".\{fields['fraction']}" if "fraction" in fields else ""
        rest = ("1", "1", "0", "0")
        parts = [rf"\{fields['year']}"] + [
            rf"\{fields[field]}" if field in fields else default
            for field, default in zip(("month", "day", "hour", "minute"), rest, strict=True)
        ]
        return cls(
            f"(?i)^{pattern}$",
            f"(?i)^{numeric}$",
            ",".join([*parts, seconds]),
            short_years="y" in pieces[1::2],
            named_months=any(piece in ("b", "B") for piece in pieces[1::2]),
        )


_ISO_PATTERN = (
    "^([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})"
    r"(?:[T ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?Z?)?$"
)
_ISO = DateFormat(_ISO_PATTERN, _ISO_PATTERN, r"\1,\2,\3,0\4,0\5,0\6.\70")


def usual_formats(texts: Sequence[str]) -> list[str]:
    """Returns the usual formats of which all texts are dates.

    >>> usual_formats(["08.06.2022"]), usual_formats(["01/05/2024"]), usual_formats(["red"])
    (['%d.%m.%Y'], ['%d/%m/%Y', '%m/%d/%Y'], [])
    """
    formats = {each: DateFormat.parse(each) for each in _USUAL_FORMATS}
    # Most columns are told by their first text, long before TensorFlow has begun.
    likely = {name: each for name, each in formats.items() if re.search(each.pattern, texts[0])}
    return [
        name
        for name, each in likely.items()
        if bool(tf.reduce_all(parse_dates(tf.constant(texts), each).valid))
    ]


def date_hint(name: str, texts: Sequence[str]) -> str:
    """Returns how to read a column as dates, where all its texts have a usual format.

    >>> date_hint("day", ["08.06.2022", "24.12.2022"])
    "If they are dates, give dates={'day': '%d.%m.%Y'}."
    """
    given = [f"dates={ ({name: each}) }" for each in usual_formats(texts)]
    return f"If they are dates, give {' or '.join(given)}." if given else ""


def parse_dates(texts: Any, date_format: DateFormat) -> Dates:
    """Returns the parts of texts without blanks around them.

    The time is taken as it is written; a trailing Z changes nothing.

    Args:
        texts: String tensor of any shape.
        date_format: How they are written.
    """
    matches: Any = tf.strings.regex_full_match(texts, date_format.pattern)
    numeric = texts
    if date_format.named_months:
        for number, name in enumerate(_MONTHS, start=1):
            numeric = tf.strings.regex_replace(numeric, f"(?i){name}", str(number))
    numeric = tf.strings.regex_replace(numeric, date_format.numeric, date_format.rewrite)
    numeric = tf.where(matches, numeric, "1970,1,1,0,0,0")
    # The one operation that reads several numbers at once.
    year, month, day, hour, minute, seconds = tf.io.decode_csv(
        numeric, [*([0],) * 5, tf.constant([0.0], tf.float64)]
    )
    if date_format.short_years:
        year = year + tf.where(year < 69, 2000, 1900)
    in_range = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    safe = tf.clip_by_value(month, 1, 12)
    lengths = tf.constant([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    length = tf.gather(lengths, safe - 1) + tf.cast(is_leap & (safe == 2), tf.int32)
    in_range &= (day <= length) & (hour < 24) & (minute < 60) & (seconds < 60)
    valid = matches & in_range
    year, month, day = (
        tf.where(valid, part, other) for part, other in ((year, 1970), (month, 1), (day, 1))
    )
    hour, minute = (tf.where(valid, part, 0) for part in (hour, minute))
    seconds = tf.where(valid, seconds, 0)
    date = _days(year, month, day)
    time = tf.cast(hour * 3600 + minute * 60, tf.float64) + seconds
    return Dates(
        valid=valid,
        year=year,
        month=month,
        day=day,
        weekday=(date + 3) % 7,
        day_of_year=date - _days(year, tf.ones_like(month), tf.ones_like(day)) + 1,
        hour=hour,
        minute=minute,
        days=tf.cast(date, tf.float64) + time / _DAY_SECONDS,
    )


def _days(year: Any, month: Any, day: Any) -> Any:
    """Returns days since 1970-01-01.

    Reference:
        Hinnant (2021), "chrono-Compatible Low-Level Date Algorithms",
        https://howardhinnant.github.io/date_algorithms.html#days_from_civil.
    """
    # Years begin in March, so that the leap day is their last.
    year = year - tf.cast(month <= 2, tf.int32)
    month = (month + 9) % 12
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * month + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468

"""What a tutorial's figure has to draw: words, artists, and ranges of numbers over several seeds.

The last digits of a network's weights differ by processor, and after some epochs its curves do.
They stay within what other seeds give, which a reference holds. `python tests/benchmarks/claims.py
--write` makes it.
"""

import copy
import itertools
import json
import pathlib

FILE = pathlib.Path(__file__).with_suffix(".json")
# Widths of the range over five seeds that a curve may leave it by. Of normal numbers the range is
# 2.3 deviations, so that these are six from the mean.
WIDTHS = 2
# Share of what its axes span that every number may differ by, drawn from a seed or not.
ROUNDING = 0.1
# Times on a clock are another computer's.
MEASURED = ("21_speed",)


def merge(descriptions):
    """Returns a reference: in place of each number its lowest and highest over descriptions.

    Those count that draw the same artists as the first: of XOR, which no line divides, a boundary
    crosses the figure from some seeds and not from others.
    """
    merged = _words(descriptions[0])
    descriptions = [description for description in descriptions if _words(description) == merged]
    for i, axes in enumerate(merged["axes"]):
        artists = [description["axes"][i]["artists"] for description in descriptions]
        axes["numbers"] = [
            {name: _ranges([artist[name] for artist in same]) for name in ("x", "y")}
            for same in zip(*artists, strict=True)
        ]
    return merged


def references():
    """Returns the references of all tutorials, by name."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def keep(name, reference):
    """Writes the reference of a tutorial into the file."""
    kept = dict(sorted((references() | {name: reference}).items()))
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in kept.items()]
    new = FILE.with_suffix(".new")
    new.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    new.replace(FILE)


def differences(name, description, wanted):
    """Yields in words where a description differs from the reference of its tutorial."""
    wanted = copy.deepcopy(wanted)
    numbers = [axes.pop("numbers") for axes in wanted["axes"]]
    drawn = _words(description)
    if drawn != wanted:
        yield f"it draws {drawn}, not {wanted}"
        return
    if name in MEASURED:
        return
    for axes, ranges in zip(description["axes"], numbers, strict=True):
        for direction in ("x", "y"):
            ends = [end for artist in ranges for pair in artist[direction] for end in pair]
            span = max(ends) - min(ends) if ends else 0
            for artist, known in zip(axes["artists"], ranges, strict=True):
                for number, (low, high) in zip(artist[direction], known[direction], strict=False):
                    slack = WIDTHS * (high - low) + ROUNDING * span
                    if not low - slack <= number <= high + slack:
                        yield (
                            f"{axes['title'] or axes['labels']}, {artist['kind']} "
                            f"{artist['label']!r}: {direction} = {number}, not {low} to {high}"
                        )


def _words(description):
    """Returns a description without numbers."""
    axes = [
        {**ax, "artists": [[artist["kind"], artist["label"]] for artist in ax["artists"]]}
        for ax in description["axes"]
    ]
    return {**description, "axes": axes}


def _ranges(runs):
    """Returns [lowest, highest] of each place; nothing where a run has no numbers."""
    columns = itertools.zip_longest(*runs)
    return [[min(column), max(column)] for column in columns] if all(runs) else []

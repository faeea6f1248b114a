"""Scores of models on tables: what is read from a file, shown, and promised."""

import dataclasses
import json
import math
import pathlib
import statistics
from collections.abc import Callable, Iterable, Iterator

# Models in the order of their columns.
MODELS = ("mlp", "tabular", "pack", "realmlp", "linear", "sklearn_mlp", "boosting")
_MOST_BEHIND, _MOST_TIME = 0.015, 0.25
_PACK_AHEAD, _PACK_BEHIND, _PACK_PART = 0.01, 0.01, 2 / 3
_LEAST = {"made": 0.80, "friedman1": 0.93, "digits": 0.985}
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Score:
    """Score and seconds of one model on one fold."""

    table: str
    model: str
    seed: int
    fold: int
    metric: str
    score: float
    seconds: float
    cpu_seconds: float

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What was measured."""
        return self.table, self.model, self.seed, self.fold


def read(files: Iterable[pathlib.Path]) -> list[Score]:
    """Returns the scores in files of JSON lines; a line that is there twice counts once."""
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    scores = [Score(**json.loads(line)) for line in lines if line.endswith("}")]
    return list({score.key: score for score in scores}.values())


def show(scores: list[Score], order: Iterable[str]) -> None:
    """Prints the mean score and the seconds of each model on each table, in an order of tables."""
    models = [m for m in MODELS if any(s.model == m for s in scores)]
    tables = [t for t in order if any(s.table == t for s in scores)]
    print(f"\n{'table':<14}{'metric':<9}" + "".join(f"{m:>20}" for m in models))
    for table in tables:
        own = [s for s in scores if s.table == table]
        cells = [_cell([s for s in own if s.model == m]) for m in models]
        print(f"{table:<14}{own[0].metric:<9}" + "".join(f"{c:>20}" for c in cells))
    for title, of in (("mean score", _score), ("seconds", _seconds), ("CPU seconds", _cpu)):
        means = [mean_of(scores, tables, m, of) for m in models]
        print(f"{title:<23}" + "".join(f"{m:>20.4g}" for m in means))


def _cell(scores: list[Score]) -> str:
    if not scores:
        return "-"
    values = [s.score for s in scores]
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{statistics.fmean(values):.4f} +- {error:.4f}"


def _score(score: Score) -> float:
    return score.score


def _seconds(score: Score) -> float:
    return score.seconds


def _cpu(score: Score) -> float:
    return score.cpu_seconds


def mean_of(
    scores: list[Score], tables: Iterable[str], model: str, of: Callable[[Score], float]
) -> float:
    """Returns the mean over tables of a model's mean on each."""
    means = [[of(s) for s in scores if s.table == t and s.model == model] for t in tables]
    return statistics.fmean(map(statistics.fmean, means)) if all(means) else math.nan


def bounds(scores: list[Score]) -> Iterator[tuple[str, bool]]:
    """Yields each promise of `models.tabular` that was measured, and whether it holds."""
    measured = [m for m in ("mlp", "realmlp") if any(s.model == m for s in scores)]
    tables = {s.table for s in scores}
    tables &= {t for t in tables if not math.isnan(mean_of(scores, [t], "tabular", _score))}
    if not measured or not tables:
        return
    ours = mean_of(scores, tables, "tabular", _score)
    for model in measured:
        theirs = mean_of(scores, tables, model, _score)
        yield f"tabular {ours:.4f}, {model} {theirs:.4f}", ours >= theirs - _ROUNDING
    for table in sorted(tables):
        best = max(mean_of(scores, [table], m, _score) for m in measured)
        behind = best - mean_of(scores, [table], "tabular", _score)
        yield f"{table}: {-behind:+.4f} against the better of both", behind <= _MOST_BEHIND
    for table in sorted(tables & set(_LEAST)):
        own = mean_of(scores, [table], "tabular", _score)
        yield f"tabular on {table}: {own:.4f} of {_LEAST[table]}", own >= _LEAST[table] - _ROUNDING
    if "realmlp" in measured:
        # Of one thread each; other processes do not count.
        part = mean_of(scores, tables, "tabular", _cpu) / mean_of(scores, tables, "realmlp", _cpu)
        yield f"{part:.2f} of RealMLP's CPU time", part <= _MOST_TIME


def pack_bounds(scores: list[Score]) -> Iterator[tuple[str, bool]]:
    """Yields each promise of `models.pack` that was measured, and whether it holds."""
    rivals = [m for m in MODELS if m != "pack" and any(s.model == m for s in scores)]
    tables = {s.table for s in scores}
    for model in ("pack", *rivals):
        tables &= {t for t in tables if not math.isnan(mean_of(scores, [t], model, _score))}
    if not rivals or not tables:
        return
    own = {t: mean_of(scores, [t], "pack", _score) for t in tables}
    best = {t: max(mean_of(scores, [t], m, _score) for m in rivals) for t in tables}
    near = statistics.fmean(own[t] >= best[t] - _PACK_BEHIND for t in tables)
    yield f"pack is near the best on {near:.2f} of the tables", near >= _PACK_PART
    if "boosting" in rivals:
        ahead = statistics.fmean(own.values()) - mean_of(scores, tables, "boosting", _score)
        yield f"pack {ahead:+.4f} against boosting", ahead >= _PACK_AHEAD
    if "realmlp" in rivals:
        better = statistics.fmean(own[t] > mean_of(scores, [t], "realmlp", _score) for t in tables)
        yield f"pack is ahead of realmlp on {better:.2f} of the tables", better >= _PACK_PART
        part = mean_of(scores, tables, "pack", _cpu) / mean_of(scores, tables, "realmlp", _cpu)
        yield f"pack takes {part:.2f} of RealMLP's CPU time", part <= 1

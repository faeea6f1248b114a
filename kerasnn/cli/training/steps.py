"""Steps of `kerasnn train`, from reading to serving."""

import dataclasses
import json
import pathlib
import shlex
import shutil
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from kerasnn import _checks, doctor, report, training
from kerasnn._core import atomic_files
from kerasnn._core.display.blocks import shown
from kerasnn._core.display.progress import is_shown_live
from kerasnn._core.random_state import derived, seeded
from kerasnn.cli.training import images, output, table
from kerasnn.cli.training.compare import compare
from kerasnn.cli.training.networks.trained import Settings, Trained
from kerasnn.cli.training.options import Options
from kerasnn.cli.training.problem import Problem
from kerasnn.cli.training.scores import (
    Comparison,
    in_terms_of_the_command,
    no_better_than_guessing,
    score,
)
from kerasnn.cli.training.search import search
from kerasnn.doctor.diagnosis import Diagnosis
from kerasnn.doctor.rules.finding import Finding
from kerasnn.serving.assets import model_card
from kerasnn.serving.export import export
from kerasnn.serving.publishing import version_directory
from kerasnn.serving.report import ExportReport

_SEARCH_FOLDS = 3
_BATCH = 8192
_REPORT = "report.html"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What a training has found and written.

    Args:
        test_scores: Metric -> score on the test part.
        comparison: Scores on the folds, or None without them.
        export: The published version.
    """

    test_scores: dict[str, float]
    comparison: Comparison | None
    export: ExportReport

    def as_dict(self) -> dict[str, Any]:
        """Returns the attributes, of types that JSON has; a score that is not defined is None."""
        comparison = None
        if self.comparison is not None:
            comparison = {
                model: {metric: _numbers(values) for metric, values in found.items()}
                for model, found in self.comparison.with_seconds().items()
            }
        names, values = self.test_scores.keys(), _numbers(self.test_scores.values())
        return {
            "test_scores": dict(zip(names, values, strict=True)),
            "folds": comparison,
            "export": self.export.as_dict(),
        }


def run(options: Options) -> Result:
    """Reads, compares, trains, diagnoses, exports and reports.

    The directory is whole at the end, or as before.

    Raises:
        InvalidArgument: If an argument breaks its rule, or the data cannot be learned from.
        OSError: If a file cannot be read or written.
    """
    output.check(options.output, overwrite=options.overwrite)
    if options.report is not None:
        _checks.file_name("--report", options.report)
        atomic_files.check_writable("--report", options.report)
    say: Callable[..., None] = (lambda *_: None) if options.quiet else _print
    verbose = _verbosity(options)
    # Whatever draws without a seed of its own draws the same in each run.
    with seeded(derived(options.seed, 0)):
        problem = _read(options, say)
        settings = _settings(problem, options, say)
        comparison = None
        if options.folds:
            seed = derived(options.seed, 2)
            folds = problem.folds(options.folds, derived(seed, 0))
            fewer = ", one for each row of the smallest class"
            say(
                f"\nCompares models on {len(folds)} folds of the training part"
                f"{fewer if len(folds) < options.folds else ''}."
            )
            comparison = compare(problem, settings, folds=folds, seed=seed, verbose=verbose)
            say(f"{comparison}\nMean +- standard error over the folds; * is the best.")
        say(f"\nTrains the {problem.network} on the training part, and stops early on rows of it.")
        trained = problem.train(settings, seed=derived(options.seed, 3), verbose=verbose)
        test_scores = _test_scores(problem, trained)
        listed = ", ".join(
            f"{name} {shown(value)}" for name, value in test_scores.items() if np.isfinite(value)
        )
        say(f"On the test part, {len(problem.split.y_test)} rows that nothing has seen: {listed}.")
        guessing = no_better_than_guessing(problem.split, problem.network, test_scores, comparison)
        diagnosis = _diagnosis(problem, trained, guessing, comparison)
        say(
            "\nDiagnosis:",
            *(f"  {finding}" for finding in diagnosis.findings or ["Nothing is wrong."]),
        )
        say(f"\nExports the model, verifies the export and writes the report: {options.output}")
        with output.created(options.output) as directory:
            exported = _write(problem, trained, comparison, diagnosis, options, directory)
        place = options.output / exported.path.relative_to(directory)
        exported = dataclasses.replace(exported, path=place)
        if options.report is not None:
            _move(options.output / _REPORT, options.report)
    say(_last_words(options, problem, exported))
    return Result(test_scores=test_scores, comparison=comparison, export=exported)


def _verbosity(options: Options) -> int:
    """Returns whether to show bars, whose control characters a file would keep."""
    return int(is_shown_live() and not options.quiet)


def _numbers(values: Iterable[float]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _print(*lines: object) -> None:
    print(*lines, sep="\n", flush=True)


def _read(options: Options, say: Callable[..., None]) -> Problem:
    say(f"Reads {options.data}.")
    problem: Problem = (images if options.data.is_dir() else table).read(options)
    say(problem.described())
    for name, reason in problem.left_out.items():
        say(f"Left out: {name!r}, for {reason}. To keep it: --keep {shlex.quote(name)}")
    for note in problem.notes:
        say(note)
    split = problem.split
    classes = f" of {len(split.classes)} classes" if split.classes else ""
    say(
        f"The task is {split.task}{classes}: {len(split.y_train)} rows to train on, "
        f"{len(split.y_test)} to test."
    )
    return problem


def _settings(problem: Problem, options: Options, say: Callable[..., None]) -> Settings:
    """Returns the settings of the network, after a search if one is asked for."""
    settings = Settings(
        epochs=options.epochs, hidden=options.hidden, learning_rate=options.learning_rate
    )
    if not options.search or not isinstance(problem, table.Table):
        return settings
    say(f"\nTries {options.search} settings on {_SEARCH_FOLDS} folds of the training part.")
    found = search(
        problem.training_rows(),
        settings,
        folds=problem.folds(_SEARCH_FOLDS, derived(options.seed, 1, 0)),
        trials=options.search,
        seed=derived(options.seed, 1, 1),
        verbose=_verbosity(options),
    )
    say(
        f"The best: hidden layers of {found.hidden}, learning rate {found.learning_rate or 0:.2g}, "
        f"dropout {found.dropout:.2g}, L2 {found.l2:.2g}. It was chosen on the rows of the folds "
        "below, whose scores are therefore a little too good; that of the test part is not."
    )
    return found


def _test_scores(problem: Problem, trained: Trained) -> dict[str, float]:
    split = problem.split
    predictions = training.predict(trained.model, split.x_test, batch_size=_BATCH, verbose=0)
    return score(split.task, split.outputs, split.y_test, np.asarray(predictions))


def _diagnosis(
    problem: Problem, trained: Trained, guessing: Finding | None, comparison: Comparison | None
) -> Diagnosis:
    split = problem.split
    found = doctor.diagnose(
        trained.model, split.x_train, split.y_train, validation_data=(split.x_test, split.y_test)
    )
    findings = [in_terms_of_the_command(f, problem.network, comparison) for f in found.findings]
    if guessing is not None:
        # That of the whole test part, in place of that of a sample.
        findings = [finding for finding in findings if finding.name != guessing.name]
        findings.append(guessing)
    return dataclasses.replace(found, findings=tuple(findings))


def _write(
    problem: Problem,
    trained: Trained,
    comparison: Comparison | None,
    diagnosis: Diagnosis,
    options: Options,
    directory: pathlib.Path,
) -> ExportReport:
    split = problem.split
    trained.model.save(directory / "model.keras")
    if split.encoder is not None:
        split.encoder.save(directory / "encoder.keras")
    exported = export(
        trained.model,
        directory / "model",
        split=split,
        examples=problem.examples,
        verbose=0 if options.quiet else "auto",
    )
    report.write(
        directory / _REPORT,
        split=split,
        model=trained.model,
        target=options.target,
        history=trained.history,
        scores=None if comparison is None else comparison.with_seconds(),
        findings=diagnosis,
        export=exported,
        columns=problem.columns,
        dropped=problem.left_out,
        notes=problem.notes,
        command=_command_again(options),
        seed=options.seed,
    )
    return exported


def _move(file: pathlib.Path, to: pathlib.Path) -> None:
    """Moves a file, also to another file system."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with atomic_files.replacing(to) as draft:
        shutil.copyfile(file, draft)
    file.unlink()


def _command_again(options: Options) -> str:
    """Returns the command that trains again, into the directory that is there by then."""
    again = "" if options.overwrite or not options.command else " --overwrite"
    return f"{options.command}{again}"


def _last_words(options: Options, problem: Problem, exported: ExportReport) -> str:
    """Returns what was written, how to serve it and how to ask it."""
    card: dict[str, Any] = json.loads(
        (exported.path / version_directory.MODEL_CARD).read_text(encoding="utf-8")
    )
    request = model_card.shown_request(card)
    ask = ["kerasnn", "predict", str(exported.path.parent)]
    if options.target is None:
        ask += ["image.jpg"]
    else:
        taken = {column.name for column in problem.columns or ()}
        others = (
            {options.target, *problem.left_out, *options.ignore, options.groups} - taken - {None}
        )
        ask += ["rows.csv", *(["--ignore", *sorted(map(str, others))] if others else [])]
        if options.delimiter != ",":
            ask += ["--delimiter", options.delimiter]
        if options.encoding != "utf-8-sig":
            ask += ["--encoding", options.encoding]
    return (
        f"{exported}\n\n"
        f"Report:\n  {options.report or options.output / _REPORT}\n"
        f"Serve it:\n  {card['serve']['docker']}\n"
        + (f"Ask the server:\n  {request}\n" if request else "")
        + f"Ask without a server, about {_what_to_ask(options)}:\n"
        f"  {shlex.join(ask)}"
    )


def _what_to_ask(options: Options) -> str:
    if options.target is None:
        return "an image"
    name = options.data.name
    if options.windows is None:
        return f"rows like those of {name}"
    of = "" if options.groups is None else f" of one {options.groups!r}"
    return (
        f"rows{of} like those of {name}, in the order of time; each {options.windows} that follow "
        "one another give one answer"
    )

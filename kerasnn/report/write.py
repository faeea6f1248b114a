"""`kerasnn.report.write`: one HTML file about one training."""

import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from kerasnn import _checks
from kerasnn._core import atomic_files
from kerasnn._core.display.blocks import Section
from kerasnn._core.display.rendering import render
from kerasnn.data.split import Split, check_is_split
from kerasnn.doctor.diagnosis import Diagnosis
from kerasnn.doctor.rules.finding import Finding
from kerasnn.report import predicted_rows
from kerasnn.report.predicted_rows import PredictedRows
from kerasnn.report.sections import (
    classes,
    columns,
    data,
    importance,
    metrics,
    network,
    numbers,
    worst,
)
from kerasnn.report.sections import (
    scores as comparison,
)
from kerasnn.report.sections.columns import Column
from kerasnn.report.sections.scores import Scores
from kerasnn.serving.report import ExportReport


@_checks.known_arguments
def write(
    path: str | os.PathLike[str],
    *,
    split: Split,
    model: keras.Model,
    title: str | None = None,
    target: str | None = None,
    history: keras.callbacks.History | Mapping[str, Sequence[float]] | None = None,
    scores: Scores | None = None,
    findings: Diagnosis | Sequence[Finding] | None = None,
    export: ExportReport | None = None,
    columns: Sequence[Column] | None = None,
    dropped: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    command: str | None = None,
    seed: int | None = None,
    names: Sequence[str] | None = None,
    n_worst: int = 10,
    importance_repeats: int = 5,
) -> pathlib.Path:
    """Writes a report of a trained model as one HTML file.

    The file needs no other: figures are inline SVG, images inline PNG, and it has no scripts. It
    is made for light and dark screens, phones and paper. A section is left out where its data is
    not given:

    | section | from |
    |---|---|
    | data and columns | `split` |
    | left out and filled | `columns`, `dropped`, `notes` |
    | comparison by cross-validation | `scores` |
    | learning curves | `history` |
    | results on the test part: metrics with 95% intervals, confusion matrix, ROC and precision-recall curves, reliability; or residuals | `split` and `model` |
    | worst rows or images | `n_worst` |
    | importance of the columns | `importance_repeats` |
    | diagnosis | `findings` |
    | network | `model` |
    | serving | `export` |
    | versions, processor, seed, command | `command`, `seed` |

    The test part is predicted once; of a stream the first 20,000 rows. Importance is scikit-learn's
    permutation importance by the loss, on at most 2,000 rows: of the raw columns where the split
    has an encoder, else of the columns of x. Tables of more than 100 columns have none.

    Args:
        path: File to write; missing directories are created. It is replaced whole, or not at all.
        split: The data.
        model: The trained model.
        title: Heading; the default names the target.
        target: Name of the column that the model predicts; the default is `split.target`.
        history: The result of `fit`, or its `history` dict.
        scores: Name of a model -> metric -> one score for each fold. The first model is the
            network; the others are what it is compared with. A metric that is NaN on any fold is
            shown as "-", without a mean.
        findings: What `kerasnn.doctor.diagnose` has returned, or its findings.
        export: What `kerasnn.serving.export` has returned.
        columns: Descriptions of the columns of the table; None takes those of the split's encoder.
        dropped: Name of a column that was left out -> the reason.
        notes: Sentences about the data, such as on rows that were left out.
        command: Command line or program that repeats the training.
        seed: Seed of the training.
        names: Names of the test rows; None takes the files of `split.files_test`, each with its
            folder, or the rows of the table in `split.rows_test`, where the split has them, and
            else numbers the rows of the test part.
        n_worst: Number of test rows with the largest losses to show.
        importance_repeats: Permutations of each column; 0 for none.

    Returns:
        The path of the file.

    Raises:
        InvalidArgument: If `path` cannot be a file, the model's predictions do not suit the
            split, or another argument is invalid.
        OSError: If the file cannot be written.
        TypeError: If an argument is unknown.

    Example:
        >>> import tempfile
        >>> from kerasnn import data, models
        >>> iris = data.load("iris")
        >>> model = models.mlp(4, outputs=3, task="multiclass", hidden=(8,))
        >>> history = model.fit(iris.x_train, iris.y_train, epochs=2, verbose=0)
        >>> path = pathlib.Path(tempfile.mkdtemp(), "iris.html")
        >>> write(path, split=iris, model=model, history=history, target="species").name
        'iris.html'
    """  # noqa: E501
    _checks.file_name("path", path)
    _check(split, model)
    _checks.integer("n_worst", n_worst, at_least=0)
    _checks.integer("importance_repeats", importance_repeats, at_least=0)
    file = pathlib.Path(path)
    atomic_files.check_writable("path", file)
    descriptions = _described(split, columns)
    # Those that may refuse their argument come before those that take time.
    compared = None if scores is None else comparison.comparison(scores)
    learned = None if history is None else network.curves(history, model)
    diagnosed = None if findings is None else network.diagnosis(findings)
    served = None if export is None else network.serving(export)
    part = predicted_rows.read(split, model, n_worst)
    names, count_from = _row_names(split, names)
    if names is not None and len(names) < part.rows:
        rule = f"name the {part.rows} test rows"
        raise _checks.InvalidArgument("names", rule, names, got=f"{len(names)} names")
    target = split.target if target is None else target
    outputs = _output_names(part, target)
    measured = metrics.measure(part, split.y_train)
    importances = importance.importances(split, model, part, importance_repeats)
    sections: Iterable[Section | None] = (
        data.data(split, part, outputs, descriptions),
        data.changes(split, descriptions, dropped or {}, notes),
        compared,
        learned,
        classes.results(part, measured)
        if part.task.is_classification
        else numbers.results(part, measured, outputs),
        worst.worst(split, part, names, outputs, importances, count_from),
        importance.importance(importances, part, importance_repeats),
        diagnosed,
        network.network(model),
        served,
        network.repetition(command, seed),
    )
    page = render(
        "template.html",
        folder=pathlib.Path(__file__).parent,
        title=title or (f"Prediction of {target}" if target else "Report of a training"),
        facts=_facts(part, model, measured[0], target),
        sections=[section for section in sections if section is not None],
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_files.replacing(file) as draft:
        # Names of files may hold bytes that are no text.
        draft.write_bytes(page.encode("utf-8", "replace"))
    return file


def _facts(
    part: PredictedRows, model: keras.Model, first: metrics.Metric, target: str | None
) -> list[tuple[str, str]]:
    """Returns what stands at the top."""
    facts = [
        ("target", target or ""),
        ("task", str(part.task)),
        (f"{first.name} on {part.rows:,} test rows", first.words(first.value)),
        ("95% interval", first.interval),
        ("constant prediction", first.words(first.constant)),
        ("parameters", f"{model.count_params():,}"),
    ]
    return [(name, value) for name, value in facts if value]


def _check(split: Any, model: Any) -> None:
    check_is_split("split", split)
    if not isinstance(model, keras.Model):
        raise _checks.InvalidArgument("model", "be a Keras model", model)


def _row_names(split: Split, names: Sequence[str] | None) -> tuple[Sequence[str] | None, str]:
    """Returns the names of the test rows, None for numbers, and a sentence on what these count."""
    if names is not None:
        return names, ""
    if split.files_test is not None:
        return ["/".join(pathlib.Path(file).parts[-2:]) for file in split.files_test], ""
    if split.rows_test is not None:
        where = "Row 0 is the first of the table: line 2 of a file with a header."
        return [str(row) for row in split.rows_test], where
    return None, "Row 0 is the first of the test part."


def _described(split: Split, given: Sequence[Column] | None) -> Sequence[Column]:
    return columns.described(split) if given is None else given


def _output_names(part: PredictedRows, target: str | None) -> list[str]:
    if part.task.is_classification:
        return []
    count = part.y.shape[1]
    name = target or "output"
    return [name] if count == 1 else [f"{name} {i}" for i in range(count)]

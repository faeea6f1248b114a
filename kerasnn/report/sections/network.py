"""Sections of the training and its result: curves, diagnosis, network, serving, repetition."""

import datetime
import json
import pathlib
import platform
import re
import shlex
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import sklearn
import tensorflow as tf

from kerasnn import _checks, plots
from kerasnn._core.display.blocks import Code, Facts, Paragraph, Section, Table, shown
from kerasnn._core.display.svg import figure
from kerasnn._core.model_outputs import activation_of, symbolic_outputs
from kerasnn._version import __version__
from kerasnn.doctor.diagnosis import Diagnosis, findings_block, measurements_table
from kerasnn.models.ensembles.pack_model import Pack
from kerasnn.serving.assets import model_card
from kerasnn.serving.publishing import version_directory
from kerasnn.serving.report import ExportReport

_MOST_METRICS = 4
_LONGEST_REQUEST = 2000
_ROWS = re.compile(r"-d ('.*)", re.DOTALL)


def curves(history: Any, model: keras.Model) -> Section:
    """Returns the section of learning curves: the loss, and up to four metrics.

    Args:
        history: The result of `fit`, or its `history` dict.
        model: The model, which says in what unit the losses are.
    """
    table = history.history if isinstance(history, keras.callbacks.History) else history
    if not isinstance(table, Mapping) or "loss" not in table:
        raise _checks.InvalidArgument(
            "history", "be the result of `fit`, or its `history` dict", history
        )
    names = [
        name
        for name, values in table.items()
        if not name.startswith("val_")
        and name not in ("loss", "learning_rate")
        # A metric with a value for each class has no single curve.
        and np.asarray(values).size == len(values)
    ]
    figures = [
        figure(
            _title(name),
            f"Last epoch: {shown(np.ravel(table[name])[-1])} in training"
            + (
                f", {shown(np.ravel(table[f'val_{name}'])[-1])} in validation."
                if f"val_{name}" in table
                else "."
            ),
            lambda ax, name=name: plots.history(history, metrics=name, ax=ax),
        )
        for name in ["loss", *names[:_MOST_METRICS]]
    ]
    validation = np.ravel(np.asarray(table.get("val_loss", [np.nan]), dtype=float))
    text = f"{len(table['loss'])} epochs."
    if not np.isnan(validation).all():
        best = int(np.nanargmin(validation))
        text += f" The validation loss was lowest, {shown(validation[best])}, in epoch {best + 1}."
    if _learns_scaled_targets(model):
        text += (
            " These losses are of targets with mean 0 and variance 1, as the network learned them; "
            "errors on the test part are in the unit of the target."
        )
    return Section("curves", "Learning curves", [Paragraph(text), *figures])


def _learns_scaled_targets(model: keras.Model) -> bool:
    """Whether targets were standardised before training: in a pack, and in `kerasnn train`.

    The latter's network averages several, and is not trained itself.
    """
    names = {layer.name for layer in model.layers}
    return "target_units" in names and (isinstance(model, Pack) or "mean_of_networks" in names)


def diagnosis(findings: Any) -> Section:
    """Returns the section of what `kerasnn.doctor` has found."""
    measured = findings.measurements if isinstance(findings, Diagnosis) else None
    found = findings.findings if isinstance(findings, Diagnosis) else tuple(findings)
    blocks: list[Any] = [findings_block(found)]
    if measured is not None:
        blocks.append(measurements_table(measured))
    return Section("diagnosis", "Diagnosis", blocks)


def network(model: keras.Model) -> Section:
    """Returns the section of layers and parameters, and of what the network was trained with."""
    outputs = {id(layer): symbol for layer, symbol in symbolic_outputs(model)}
    rows = [
        (
            layer.name,
            type(layer).__name__,
            activation_of(layer),
            _shape(outputs[id(layer)].shape) if id(layer) in outputs else "",
            f"{layer.count_params():,}" if layer.built else "",
        )
        for layer in model.layers
    ]
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    facts = [
        ("parameters", f"{model.count_params():,}, of which {trainable:,} were trained"),
        ("precision", model.dtype_policy.name),
    ]
    if model.compiled:
        facts += [("loss", _loss(model.loss)), ("optimizer", type(model.optimizer).__name__)]
    head = ("layer", "type", "activation", "outputs", "parameters")
    blocks: list[Any] = [Facts(facts), Table("Layers", head, rows, numeric=head[3:])]
    if isinstance(model, Pack):
        blocks.append(_members(model))
    return Section("network", "Network", blocks)


def _members(model: Pack) -> Table:
    """Returns the settings of the networks in the mean of a pack, the largest weight first."""
    pairs = sorted(zip(model.weights_, model.members_, strict=True), key=lambda pair: -pair[0])
    head = ("weight", *(name.replace("_", " ") for name in pairs[0][1]))
    rows = [
        (f"{weight:.2f}", *(_setting(value) for value in setting.values()))
        for weight, setting in pairs
    ]
    title = f"Settings in the mean, each of {model.networks.repeats} networks"
    return Table(title, head, rows, numeric=head)


def _setting(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def serving(export: ExportReport) -> Section:
    """Returns the section on how to serve the exported version and to ask it."""
    card = json.loads((export.path / version_directory.MODEL_CARD).read_text(encoding="utf-8"))
    verified = "not verified"
    if export.verification is not None:
        [latency, *_] = export.verification.latency_ms.values()
        verified = (
            "largest difference from the network's predictions "
            f"{export.verification.largest_difference:.2g}; {latency:.2f} ms a row"
        )
    facts = [
        ("directory", str(export.path)),
        ("version", str(export.version)),
        ("size", f"{export.size_bytes / 1e6:.2f} MB"),
        ("verification", verified),
    ]
    rows = [
        (tensor, side.removesuffix("s"), spec.dtype.name, _shape(spec.shape))
        for side, tensors in export.signatures["serving_default"].items()
        for tensor, spec in tensors.items()
    ]
    head = ("name", "side", "type", "shape")
    blocks: list[Any] = [
        Facts(facts),
        Code("Serve it with Docker", card["serve"]["docker"]),
        Code("Serve it without Docker", card["serve"]["tensorflow_model_server"]),
    ]
    request = model_card.shown_request(card)
    if 0 < len(request) <= _LONGEST_REQUEST:
        blocks.append(Code("Ask for one row", request))
    else:
        blocks.append(Paragraph(f"Requests stand in {export.path / version_directory.MODEL_CARD}."))
    blocks += [
        Code("Predict in Python, without a server and without Keras", _program(export, request)),
        Table("Inputs and outputs", head, rows, numeric=head[3:]),
        *(Paragraph(note) for note in export.notes),
    ]
    return Section("serving", "Serving", blocks)


def _program(export: ExportReport, request: str) -> str:
    """Returns a program that predicts an image file, or the row of the request."""
    place = repr(str(export.path.parent))
    if "image_bytes" in export.signatures:
        return (
            "import pathlib\n\nfrom kerasnn import serving\n\n"
            f'predictor = serving.Predictor({place}, signature="image_bytes")\n'
            'print(predictor([pathlib.Path("image.jpg").read_bytes()]))'
        )
    rows = _ROWS.search(request)
    made = "" if rows is None else _rows_in_python(rows[1])
    return (
        f"from kerasnn import serving\n\n{made}predictor = serving.Predictor({place})\n"
        "print(predictor(rows))"
    )


def _rows_in_python(words: str) -> str:
    """Returns an assignment of the rows of a request for curl; nothing where it has none."""
    try:
        rows = json.loads(shlex.split(words)[0])["instances"]
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
    return f"rows = {rows!r}\n"


def repetition(command: str | None, seed: int | None) -> Section:
    """Returns the section of versions, processor, seed and command."""
    devices = [
        tf.config.experimental.get_device_details(device).get("device_name", device.name)
        for device in tf.config.list_physical_devices("GPU")
    ]
    facts = [
        *([] if seed is None else [("seed", str(seed))]),
        ("kerasnn", __version__),
        ("Python", platform.python_version()),
        ("Keras", keras.__version__),
        ("TensorFlow", tf.__version__),
        ("NumPy", np.__version__),
        ("scikit-learn", sklearn.__version__),
        ("system", platform.platform()),
        ("processor", _processor()),
        *([("accelerator", ", ".join(devices))] if devices else []),
        ("written", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]
    blocks: list[Any] = [Facts(facts)]
    if command is not None:
        blocks.insert(0, Code("Train it again", command))
    return Section("repetition", "Repeat it", blocks)


def _shape(shape: Any) -> str:
    sizes = ["any" if size is None else str(size) for size in tuple(shape)[1:]]
    return f"({', '.join(['batch', *sizes])})"


def _loss(loss: Any) -> str:
    name = loss if isinstance(loss, str) else getattr(loss, "name", type(loss).__name__)
    return str(name).replace("_", " ")


def _title(name: str) -> str:
    words = name.replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}"


def _processor() -> str:
    """Returns the processor's name as the system gives it."""
    file = pathlib.Path("/proc/cpuinfo")
    if file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

"""What a page receives and sends, as JSON."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from kerasnn import _checks
from kerasnn.playground.network.changes import Change
from kerasnn.playground.network.network import Network
from kerasnn.playground.network.places import index_of, place_of
from kerasnn.playground.points.data import Data
from kerasnn.playground.points.tables import Table
from kerasnn.playground.session.frame import Array
from kerasnn.playground.session.painter import Watch
from kerasnn.playground.session.question import WHAT, Question

_MOST_DRAWN = 1200
_LARGEST_WEIGHT = 1e6
_FASTEST = 1000
_LONGEST_NAME = 100
_UNCERTAINTIES = ("none", "ensemble", "mc_dropout")


def state_of(trainer: Any, identifier: str, tables: Mapping[str, Table]) -> dict[str, Any]:
    """Returns what the page shows besides pictures."""
    data: Data = trainer.picture.data
    network: Network = trainer.network
    return {
        "session": identifier,
        "generation": trainer.picture.generation,
        "config": trainer.configuration.as_dict(),
        "running": trainer.running,
        "epoch": trainer.epoch,
        "inputs": list(network.input_labels),
        "outputs": list(data.classes) if data.split.outputs > 1 else ["output"],
        "axes": list(data.plane.axes),
        "ranges": dict(zip("xy", data.plane.ranges, strict=True)),
        "classes": list(data.classes),
        "task": str(data.task),
        "units": data.units,
        "parameters": network.model.count_params(),
        "data": {"train": len(data.y_train), "test": len(data.y_test)},
        "tables": [table.as_dict() for table in tables.values()],
    }


def points_of(data: Data) -> tuple[dict[str, Any], dict[str, Array]]:
    """Returns the binary message with the rows that are drawn: x, y and the target of each."""
    arrays = {}
    parts = (("train", data.split.x_train, data.y_train), ("test", data.split.x_test, data.y_test))
    for name, x, y in parts:
        rows = np.linspace(0, len(x) - 1, min(len(x), _MOST_DRAWN)).astype(int)
        places = data.plane.project(x[rows])
        target = y[rows].reshape(-1, 1).astype(np.float32)
        arrays[name] = Array(np.concatenate([places, target], axis=1))
    return {"kind": "points"}, arrays


def weight_of(message: Mapping[str, Any], network: Network) -> Change:
    """Returns the change of a weight.

    Raises:
        InvalidArgument: If there is no such weight, or its value is none.
    """
    where = place_of(message, network)
    value = message.get("value")
    _checks.number("value", value, at_least=-_LARGEST_WEIGHT, at_most=_LARGEST_WEIGHT)
    name = network.dense[where.layer].name
    return Change(
        epoch=0, layer=name, weight=where.weight, place=where.place, value=float(value or 0)
    )


def watch_of(message: Mapping[str, Any], now: Watch) -> Watch:
    """Returns what the page looks at from now on.

    Raises:
        InvalidArgument: If a value breaks its rule.
    """
    changed: dict[str, Any] = {}
    if "unit" in message:
        unit = message["unit"]
        if unit is not None:
            if not isinstance(unit, list) or len(unit) != 2:
                rule = "be a layer, from 0 for the inputs, and a unit, or null"
                raise _checks.InvalidArgument("unit", rule, unit)
            unit = tuple(index_of("unit", each, 0, 10_000) for each in unit)
        changed["unit"] = unit
    if "uncertainty" in message:
        _checks.one_of("uncertainty", message["uncertainty"], _UNCERTAINTIES)
        changed["uncertainty"] = message["uncertainty"]
    if "diagnose" in message:
        _checks.boolean("diagnose", message["diagnose"])
        changed["diagnose"] = message["diagnose"]
    if "speed" in message:
        changed["speed"] = index_of("speed", message["speed"], 0, _FASTEST + 1)
    if "pair" in message:
        pair = message["pair"]
        if pair is not None and not (isinstance(pair, str) and 0 < len(pair) <= _LONGEST_NAME):
            rule = f"be a text of at most {_LONGEST_NAME} characters, or null"
            raise _checks.InvalidArgument("pair", rule, pair)
        changed["pair"] = pair
    return dataclasses.replace(now, **changed)


def question_of(message: Mapping[str, Any], number: Any, trainer: Any) -> Question:
    """Returns a question, with the network that it is about.

    Raises:
        InvalidArgument: If it is unknown.
    """
    what = message.get("what")
    _checks.one_of("what", what, ("code", *WHAT))
    return Question(
        what=str(what),
        number=number,
        options={name: value for name, value in message.items() if name not in ("type", "id")},
        generation=trainer.picture.generation,
        configuration=trainer.configuration,
        data=trainer.picture.data,
        epoch=trainer.epoch,
        variables=[v.numpy() for v in trainer.network.model.variables],
        path=list(trainer.path.weights),
        findings=tuple(trainer.findings),
        doctor=trainer.doctor_state() if what == "doctor" else None,
    )

"""Whether XLA's compilation pays for a job, as `engine_choice` asks: measured once, and kept."""

import dataclasses
import threading
from typing import Any

import keras

from kerasnn.training.compilation_cache.process_cache import process_cache
from kerasnn.training.compilation_cache.records import Records
from kerasnn.training.engine_cost.cost import TrainingSize, xla_pays
from kerasnn.training.engine_cost.fingerprint import fingerprint
from kerasnn.training.engine_cost.speed import TYPICAL, Speed, measure

# Jobs of fewer steps run as a graph on any machine, and those of more under XLA.
FEWEST_STEPS, MOST_STEPS = 1000, 200_000
_SPEED = "speed"
_measuring = threading.Lock()


def chooses_xla(
    model: keras.Model, steps: int, rows: int, *, has_rest: bool, layout: tuple[Any, ...]
) -> bool:
    """Whether a training should be compiled by XLA; the same for each run of a script.

    XLA's compilation has to be made up for by its faster steps. How long both take is computed by
    `xla_pays` from the size of the model and from the speed of the machine, which the first job of
    1,000 steps measures. A program that has been compiled before only has to be loaded, so that it
    pays earlier. Then a job that had run as a graph could change its engine, and with it the
    last digits of its result: so what was chosen for a job is kept beside the programs too.

    Where nothing can be kept, the speed is that of a typical machine.

    Args:
        model: A compiled model.
        steps: Number of steps.
        rows: Batch size.
        has_rest: Whether an epoch ends with a smaller batch.
        layout: Types and sizes of the data.
    """
    if not FEWEST_STEPS <= steps < MOST_STEPS:
        return steps >= MOST_STEPS
    size = TrainingSize.of(model, rows, has_rest=has_rest)
    records = Records.open()
    if records is None:
        return xla_pays(size, steps, TYPICAL, is_compiled=False)
    speed = _speed(records)
    cold, loaded = (xla_pays(size, steps, speed, is_compiled=known) for known in (False, True))
    program = fingerprint(model, layout)
    if cold == loaded or not program:
        return cold
    is_compiled = records.get(f"{program}.compiled") is not None
    return bool(records.keep(f"{program}.{steps}.xla", loaded if is_compiled else cold))


def record_compiled(model: keras.Model, layout: tuple[Any, ...]) -> None:
    """Records that XLA has compiled the program of a model, if programs are kept."""
    if not process_cache.keeps_programs:
        return
    records, program = Records.open(), fingerprint(model, layout)
    if records is not None and program:
        records.keep(f"{program}.compiled", value=True)


def _speed(records: Records) -> Speed:
    """Returns the speed of this machine; the first process to measure it decides."""
    with _measuring:
        kept = records.get(_SPEED)
        if kept is None:
            kept = records.keep(_SPEED, dataclasses.asdict(measure()))
    try:
        return Speed(**kept)
    except TypeError:
        return TYPICAL

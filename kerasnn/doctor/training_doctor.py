"""A callback that finds what goes wrong in training, and says what to do."""

import dataclasses
import math
import time
from typing import TYPE_CHECKING, Any

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn.autodiff import _loss
from kerasnn.doctor.diagnosis import draw_vitals
from kerasnn.doctor.measure.measurements import Vitals
from kerasnn.doctor.measure.model_probe import Probe, Weights
from kerasnn.doctor.measure.score import Score
from kerasnn.doctor.measure.training_sample import (
    Sample,
    check_inputs,
    check_rows,
    names_in,
    own_sample,
    sample_of,
)
from kerasnn.doctor.rules.evidence import Case
from kerasnn.doctor.rules.finding import Finding
from kerasnn.doctor.rules.run_rules import examine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Share of the training time that the doctor may take. A look may last longer than the one before.
_SHARE = 0.04


class TrainingDoctor(Callback):
    """Examines a model between epochs, on a fixed sample of the training rows.

    It measures, by layer, the share of dead units (active on no row), the share of saturated
    outputs, the norm of the gradient, the update of a step next to the weights, and the share of
    weights that are zero; and how good the answers are next to the best constant one. From these
    it finds, each with its number and a hint:

    | finding | when |
    |---|---|
    | `dying ReLU` | half of the units of a layer, or more, are active on no row |
    | `vanishing gradients` | the last layer's gradient is 1e3 times the first's, or more |
    | `exploding gradients` | gradient x weights is 1e3 times what there is to learn, or more |
    | `learning rate too high` | a step is above 1e-2 of the weights, and the loss above 3 times that of a constant and that from before |
    | `learning rate too low` | all steps are below 1e-4 of the weights, and less than half is learned at the end |
    | `saturated outputs` | half of a hidden layer's outputs are at the ends of their range, or a tenth of the predictions are at the wrong end and the gradient of the loss fades there |
    | `constant predictions` | the answers hardly vary, and are no better than a constant |
    | `overfitting` | validation has lost a tenth of what there is to learn since its best epoch, while the training loss fell |
    | `labels shuffled against inputs` | validation is at chance, training is so far above it that validation would show it |
    | `loss does not fit the task` | output activation, loss and targets do not go together |
    | `perceptron on data that is not linearly separable` | no plane divides the classes |

    Thresholds and their sources stand beside each rule; healthy networks of all builders on the
    embedded sets keep clear of them (`tests/benchmarks/doctor.py`). What needs the answers is
    found for models with one output and one of Keras's usual losses.

    The training goes on as without it, bit for bit: the model runs in inference, and no weight,
    statistic, seed or metric is moved.

    Args:
        every: Epochs from one look to the next, the first after the first epoch. None looks as
            often as 4% of the time allows, after the first epoch at least. A last look is taken
            when training ends.
        data: `(x, y)` or `(x, y, sample_weight)` to look at. `kerasnn.fit` gives it rows from
            memory; it is needed where training reads a stream, or with Keras's own `fit`.
        validation_data: The same of rows that are not trained on.
        verbose: 1 prints each finding once, when it is found; 0 prints nothing.

    Attributes:
        findings_: Everything that was found, a fault of a layer once.
        looks_: The `Vitals` of every look, the newest last.

    Raises:
        ValueError: If an argument breaks its rule; at the start of training, if there are no rows
            to look at, or they do not suit the model, or it has no loss.

    Example:
        >>> from kerasnn import data, models
        >>> xor = data.load("xor")
        >>> doctor = TrainingDoctor(verbose=0)
        >>> history = models.perceptron(2).fit(
        ...     xor.x_train, xor.y_train, epochs=3, callbacks=[doctor], verbose=0
        ... )
        >>> [finding.name for finding in doctor.findings_]
        ['perceptron on data that is not linearly separable']
    """  # noqa: E501

    model: Any

    @_checks.known_arguments
    def __init__(
        self,
        *,
        every: int | None = None,
        data: Any = None,
        validation_data: Any = None,
        verbose: int = 1,
    ) -> None:
        super().__init__()
        if every is not None:
            _checks.whole_number("every", every, hint="None looks as often as costs little.")
        _checks.verbosity(verbose)
        for name, rows in (("data", data), ("validation_data", validation_data)):
            if rows is not None:
                check_rows(name, rows)
        self.every = every
        self.data, self.validation_data = data, validation_data
        self.verbose = verbose
        self._train: Sample | None = None
        self._held: Sample | None = None
        self._forget()

    def set_data(self, train: Any = None, validation: Any = None) -> None:
        """Takes a sample of the rows that `fit` was given, unless the user gave some."""
        if self.data is not None:
            self._train = own_sample(names_in("data"), *self.data)
        elif train is not None:
            self._train = sample_of(*train)
        if self.validation_data is not None:
            self._held = own_sample(names_in("validation_data"), *self.validation_data)
        elif validation is not None and validation[1] is not None:
            self._held = sample_of(*validation)

    def on_train_begin(self, logs: Any = None) -> None:
        """Forgets an earlier training."""
        if self._train is None:
            self.set_data()
        if self._train is None:
            raise ValueError(
                "`data` must be given to `TrainingDoctor` where training reads a stream, or with "
                "Keras's own `fit`: a callback does not see the rows. Give some of them: "
                "data=(x[:256], y[:256])."
            )
        self._check_sample("data", self._train, is_own=self.data is not None)
        _loss.check_loss(self.model, self._train.x)
        if self._held is not None:
            is_own = self.validation_data is not None
            self._check_sample("validation_data", self._held, is_own=is_own)
        self._forget()
        self._probe = Probe(self.model, self._train, self._held)
        self._sample = self._train
        # Another training brings rows of its own.
        self._train = self._held = None
        self._before: Weights | None = None
        self._seconds = self._last_seconds = 0.0
        self._began = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keeps the weights, where the epoch is one to look at."""
        began = time.perf_counter()
        if not self._losses:
            self._first_epoch = epoch
            self._penalty = float(sum(map(float, self.model.losses)))
            self._start = self._probe.score()
        self._before = None
        if self._is_due(epoch):
            self._before, self._step = self._probe.weights(), self._steps_so_far()
        self._seconds += time.perf_counter() - began

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Examines the model."""
        logs = logs or {}
        measured = tuple(float(logs.get(name, math.nan)) for name in ("loss", "val_loss"))
        self._losses.append(measured)  # type: ignore[arg-type]
        if len(self._losses).bit_count() == 1:
            # To ask a schedule takes as long as a short epoch; a warm-up shows at a power of 2.
            self._top_rate = max(self._top_rate, self._probe.rate())
        if self._before is not None:
            self._look(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        """Examines the model once more."""
        self._is_over = True
        self._before = None
        epochs = self._first_epoch + len(self._losses)
        if self.looks_ and self.looks_[-1].epoch == epochs:
            self._tell()
        elif self._losses:
            self._look(epochs)
        del self._probe, self._sample, self._before

    def plot(self) -> "Figure":
        """Draws what was measured, by layer and epoch; the findings stand above.

        Raises:
            ValueError: If there was no training yet.
        """
        if not self.looks_:
            raise ValueError(
                "`TrainingDoctor` has looked at no training yet. Give it to `fit` in `callbacks`."
            )
        return draw_vitals(self.looks_, self.findings_)

    def state(self) -> dict[str, Any]:
        """Returns what was seen so far, in plain numbers, words, lists and dictionaries."""
        return {
            "looks": [dataclasses.asdict(look) for look in self.looks_],
            "findings": [dataclasses.asdict(finding) for finding in self.findings_],
            "losses": [list(pair) for pair in self._losses],
            "penalty": self._penalty,
            "start": self._start and dataclasses.asdict(self._start),
            "top_rate": self._top_rate,
            "first_epoch": self._first_epoch,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from what `state` returned; a training that begins forgets it."""
        self.looks_[:] = [Vitals.from_dict(look) for look in state["looks"]]
        self.findings_ = [Finding(**finding) for finding in state["findings"]]
        self._losses = [(loss, val_loss) for loss, val_loss in state["losses"]]
        self._penalty, self._first_epoch = state["penalty"], state["first_epoch"]
        self._start = state["start"] and Score(**state["start"])
        self._top_rate = state["top_rate"]

    def _check_sample(self, name: str, sample: Sample, *, is_own: bool) -> None:
        """Raises where rows do not suit the model; `kerasnn.fit` has checked those of its own."""
        inputs, targets, _ = names_in(name)
        check_inputs(inputs, self.model, sample)
        if is_own:
            _loss.read(self.model, sample.x, sample.y, names=(inputs, targets))

    def _forget(self) -> None:
        self.findings_: list[Finding] = []
        self.looks_: list[Vitals] = []
        self._losses: list[tuple[float, float]] = []
        self._penalty, self._first_epoch, self._is_over = 0.0, 0, False
        self._start: Score | None = None
        self._top_rate = 0.0

    def _is_due(self, epoch: int) -> bool:
        number = epoch - self._first_epoch
        if self.every is not None or number == 0:
            return number % (self.every or 1) == 0
        # Time has to be left for the look at the end.
        wanted = self._seconds + 2 * self._last_seconds
        return wanted <= _SHARE * (time.perf_counter() - self._began)

    def _look(self, epoch: int) -> None:
        began = time.perf_counter()
        steps = self._steps_so_far() - self._step if self._before is not None else 0
        self.looks_.append(self._probe.vitals(epoch, self._before, steps))
        self._tell()
        self._last_seconds = time.perf_counter() - began
        self._seconds += self._last_seconds

    def _tell(self) -> None:
        case = Case(
            self.model,
            self._sample,
            self.looks_,
            self._losses,
            self._penalty,
            self._start,
            self._top_rate,
            self._is_over,
        )
        known = {(finding.name, finding.layer) for finding in self.findings_}
        for finding in examine(case):
            if (finding.name, finding.layer) not in known:
                self.findings_.append(finding)
                if self.verbose:
                    print(f"\nTrainingDoctor, epoch {self.looks_[-1].epoch}: {finding}")

    def _steps_so_far(self) -> int:
        return int(self.model.optimizer.iterations)

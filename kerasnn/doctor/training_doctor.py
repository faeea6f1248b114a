"""The callback `TrainingDoctor`."""

import dataclasses
import math
import time
from typing import TYPE_CHECKING, Any

from kerasnn import _checks
from kerasnn._core.callback import Callback
from kerasnn.autodiff import _loss
from kerasnn.doctor.diagnosis import draw_measurements
from kerasnn.doctor.measure.measurements import Measurements
from kerasnn.doctor.measure.model_probe import ModelProbe, Weights
from kerasnn.doctor.measure.score import Score
from kerasnn.doctor.measure.training_sample import (
    TrainingSample,
    check_inputs,
    check_pair,
    checked_sample,
    evenly_spaced,
    part_names,
)
from kerasnn.doctor.rules.evidence import Evidence
from kerasnn.doctor.rules.finding import Finding
from kerasnn.doctor.rules.run_rules import run_rules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Fraction of the training time that the doctor may take. A measurement may last longer than the
# one before.
_TIME_FRACTION = 0.04


class TrainingDoctor(Callback):
    """Finds faults of a training between its epochs, on a fixed sample of the training rows.

    It measures, by layer, the fraction of dead units (active on no row), the fraction of saturated
    outputs, the norm of the gradient, the update of a step relative to the weights, and the
    fraction of weights that are zero; and the quality of the predictions relative to the best
    constant one. From these it finds, each with its number and a hint:

    | finding | when |
    |---|---|
    | `dying ReLU` | half of the units of a layer, or more, are active on no row |
    | `vanishing gradients` | the last layer's gradient is 1e3 times the first's, or more |
    | `exploding gradients` | gradient x weights is 1e3 times the loss that can be learned, or more |
    | `learning rate too high` | a step is above 1e-2 of the weights, and the loss rises above 3 times that of a constant and that from before |
    | `learning rate too low` | all steps are below 1e-4 of the weights, and less than half is learned at the end |
    | `saturated outputs` | half of a hidden layer's outputs are at the ends of their range, or a tenth of the predictions are at the wrong end and the gradient of the loss fades there |
    | `constant predictions` | the predictions hardly vary, and are no better than a constant |
    | `overfitting` | the validation loss has risen by a tenth of what can be learned since its best epoch, while the training loss fell |
    | `labels shuffled against inputs` | validation is at chance, training is so far above it that validation would show it |
    | `loss does not fit the task` | output activation, loss and targets do not go together |
    | `perceptron on data that is not linearly separable` | no plane separates the classes |

    What can be learned is the loss of the best constant prediction minus that of the targets
    themselves. Thresholds and their sources stand beside each rule; healthy networks of all
    builders on the embedded data sets stay clear of them (`tests/benchmarks/doctor.py`). Findings
    that need the predictions are made for models with one output and one of Keras's usual losses.

    Training is the same as without it, bit for bit: the model runs in inference, and no weight,
    statistic, seed or metric changes.

    Args:
        every: Epochs between measurements; the first is made after the first epoch. None measures
            as often as 4% of the time allows, and after the first epoch. A last measurement is
            made when training ends.
        data: `(x, y)` or `(x, y, sample_weight)` to measure on. Under `kerasnn.fit` the default
            are its rows in memory; it is needed where training reads a stream, or with Keras's
            own `fit`.
        validation_data: The same of rows that are not trained on.
        verbose: 1 prints each finding once, when it is found; 0 prints nothing.

    Attributes:
        findings_: All findings; one of a name and layer stands in it once.
        measurements_: All measurements, the newest last.

    Raises:
        InvalidArgument: If an argument breaks its rule; at the start of training, if there are no
            rows to measure on, if they do not match the model, or if it has no loss.

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
            _checks.integer("every", every, hint="None chooses it by the time that it costs.")
        _checks.verbosity(verbose)
        for name, rows in (("data", data), ("validation_data", validation_data)):
            if rows is not None:
                check_pair(name, rows)
        self.every = every
        self.data, self.validation_data = data, validation_data
        self.verbose = verbose
        self._train: TrainingSample | None = None
        self._validation: TrainingSample | None = None
        self._forget()

    def set_data(self, train: Any = None, validation: Any = None) -> None:
        """Takes a sample of the rows of `fit`, unless the constructor received some."""
        if self.data is not None:
            self._train = checked_sample(part_names("data"), *self.data)
        elif train is not None:
            self._train = evenly_spaced(*train)
        if self.validation_data is not None:
            self._validation = checked_sample(part_names("validation_data"), *self.validation_data)
        elif validation is not None and validation[1] is not None:
            self._validation = evenly_spaced(*validation)

    def on_train_begin(self, logs: Any = None) -> None:
        """Starts anew, without the measurements of an earlier training."""
        if self._train is None:
            self.set_data()
        if self._train is None:
            raise _checks.InvalidArgument(
                "data",
                "be given to `TrainingDoctor` where training reads a stream, or with Keras's own "
                "`fit`, which shows a callback no rows",
                None,
                "Give some of them: data=(x[:256], y[:256]).",
            )
        self._check_sample("data", self._train, is_own=self.data is not None)
        _loss.check_loss(self.model, self._train.x)
        if self._validation is not None:
            is_own = self.validation_data is not None
            self._check_sample("validation_data", self._validation, is_own=is_own)
        self._forget()
        self._probe = ModelProbe(self.model, self._train, self._validation)
        self._sample = self._train
        # The next training brings its own rows.
        self._train = self._validation = None
        self._before: Weights | None = None
        self._seconds = self._last_seconds = 0.0
        self._began = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Keeps the weights, if the model is to be measured after the epoch."""
        began = time.perf_counter()
        if not self._losses:
            self._first_epoch = epoch
            self._penalty = float(sum(map(float, self.model.losses)))
            self._initial_score = self._probe.score()
        self._before = None
        if self._is_due(epoch):
            self._before, self._step = self._probe.weights(), self._steps_so_far()
        self._seconds += time.perf_counter() - began

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measures the model, if it is time."""
        logs = logs or {}
        measured = tuple(float(logs.get(name, math.nan)) for name in ("loss", "val_loss"))
        self._losses.append(measured)  # type: ignore[arg-type]
        if len(self._losses).bit_count() == 1:
            # Evaluating a schedule takes as long as a short epoch; powers of 2 show a warm-up.
            self._highest_rate = max(self._highest_rate, self._probe.rate())
        if self._before is not None:
            self._measure(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        """Measures the model once more."""
        self._is_over = True
        self._before = None
        epochs = self._first_epoch + len(self._losses)
        if self.measurements_ and self.measurements_[-1].epoch == epochs:
            self._report()
        elif self._losses:
            self._measure(epochs)
        del self._probe, self._sample, self._before

    def plot(self) -> "list[Axes]":
        """Draws the measurements by layer and epoch, with the findings above them.

        Returns:
            The panels, in pyplot's current figure if that was empty, or else in a new one.

        Raises:
            ValueError: If there was no training yet.
        """
        if not self.measurements_:
            raise ValueError(
                "`TrainingDoctor` has measured no training yet. Give it to `fit` in `callbacks`."
            )
        return draw_measurements(self.measurements_, self.findings_)

    def state(self) -> dict[str, Any]:
        """Returns measurements, findings and losses as numbers, strings, lists and dictionaries."""
        return {
            "measurements": [dataclasses.asdict(measured) for measured in self.measurements_],
            "findings": [dataclasses.asdict(finding) for finding in self.findings_],
            "losses": [list(pair) for pair in self._losses],
            "penalty": self._penalty,
            "initial_score": self._initial_score and dataclasses.asdict(self._initial_score),
            "highest_rate": self._highest_rate,
            "first_epoch": self._first_epoch,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Receives what `state` returned; the start of a training discards it."""
        self.measurements_[:] = [Measurements.from_dict(each) for each in state["measurements"]]
        self.findings_ = [Finding(**finding) for finding in state["findings"]]
        self._losses = [(loss, val_loss) for loss, val_loss in state["losses"]]
        self._penalty, self._first_epoch = state["penalty"], state["first_epoch"]
        initial = state["initial_score"]
        self._initial_score = initial and Score(**initial)
        self._highest_rate = state["highest_rate"]

    def _check_sample(self, name: str, sample: TrainingSample, *, is_own: bool) -> None:
        """Raises where rows do not match the model; `kerasnn.fit` has checked its own."""
        inputs, targets, _ = part_names(name)
        check_inputs(inputs, self.model, sample)
        if is_own:
            _loss.read(self.model, sample.x, sample.y, names=(inputs, targets))

    def _forget(self) -> None:
        self.findings_: list[Finding] = []
        self.measurements_: list[Measurements] = []
        self._losses: list[tuple[float, float]] = []
        self._penalty, self._first_epoch, self._is_over = 0.0, 0, False
        self._initial_score: Score | None = None
        self._highest_rate = 0.0

    def _is_due(self, epoch: int) -> bool:
        number = epoch - self._first_epoch
        if self.every is not None or number == 0:
            return number % (self.every or 1) == 0
        # Time has to be left for the last measurement.
        wanted = self._seconds + 2 * self._last_seconds
        return wanted <= _TIME_FRACTION * (time.perf_counter() - self._began)

    def _measure(self, epoch: int) -> None:
        began = time.perf_counter()
        steps = self._steps_so_far() - self._step if self._before is not None else 0
        self.measurements_.append(self._probe.measure(epoch, self._before, steps))
        self._report()
        self._last_seconds = time.perf_counter() - began
        self._seconds += self._last_seconds

    def _report(self) -> None:
        evidence = Evidence(
            model=self.model,
            sample=self._sample,
            history=self.measurements_,
            losses=self._losses,
            penalty=self._penalty,
            initial_score=self._initial_score,
            highest_rate=self._highest_rate,
            is_over=self._is_over,
        )
        known = {(finding.name, finding.layer) for finding in self.findings_}
        for finding in run_rules(evidence):
            if (finding.name, finding.layer) not in known:
                self.findings_.append(finding)
                if self.verbose:
                    print(f"\nTrainingDoctor, epoch {self.measurements_[-1].epoch}: {finding}")

    def _steps_so_far(self) -> int:
        return int(self.model.optimizer.iterations.numpy())

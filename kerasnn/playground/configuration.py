"""Configuration of the playground: data set, network and training."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from kerasnn import _checks

BINARY_SETS = ("circle", "xor", "gaussian", "spiral")
MULTICLASS_SETS = ("clusters", "rings")
REGRESSION_SETS = ("plane", "multi-gaussian")
DATASETS = (*BINARY_SETS, *MULTICLASS_SETS, *REGRESSION_SETS, "table")
TASKS = ("classification", "regression")
LOSSES = ("auto", "crossentropy", "mse")
FEATURES = ("x", "y", "x2", "y2", "xy", "sinx", "siny")
ACTIVATIONS = ("relu", "tanh", "sigmoid", "linear", "leaky_relu", "elu", "gelu", "threshold")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "rmsprop", "adagrad", "adadelta")
SCHEDULES = ("constant", "step", "exponential", "cosine")
INITIALIZATIONS = ("glorot", "large", "equal", "zeros")
PCA = "pca"

_LAYERS, _UNITS = 6, 8
_MOST_SEED = 2**31 - 1
_LONGEST_NAME = 1000
_PATIENCE = 100_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """What the playground shows: a data set, a network, and how it is trained.

    Args:
        dataset: `circle`, `xor`, `gaussian`, `spiral` (two classes), `clusters`, `rings` (several
            classes), `plane`, `multi-gaussian` (regression), or `table`.
        task: `classification` or `regression`; None takes that of the data set.
        loss: `crossentropy` or `mse`; `auto` is the cross-entropy of classes.
        classes: Number of classes of `clusters` and `rings`, 3 to 6.
        train_ratio: Percentage of the rows that are trained on, 10 to 90.
        noise: Percentage of noise, 0 to 50.
        batch_size: Batch size, 1 to 30.
        data_seed: Seed of the points and of their division.
        seed: Seed of the initial weights, of dropout, and of the order of the rows.
        features: Functions of x and y that the first layer takes; a table uses all its columns.
        hidden: Units of the hidden layers, such as `"4,2"`: up to 6 layers of 1 to 8 units.
        activation: Activation of all hidden layers.
        activations: One activation for each hidden layer, or None.
        unit_activations: One list for each hidden layer of one activation for each unit, or None.
        optimizer: `sgd`, `momentum`, `nesterov`, `adam`, `rmsprop`, `adagrad` or `adadelta`.
        learning_rate: 1e-5 to 10.
        schedule: `constant`, `step`, `exponential` or `cosine`.
        schedule_epochs: Epochs in which the rate falls: to a tenth (`exponential`, and on from
            there), to a sixteenth by halves (`step`, and on), or to 0 (`cosine`).
        l1: Factor of the L1 penalty on the kernels, 0 to 10.
        l2: Factor of the L2 penalty on the kernels, 0 to 10.
        dropout: Fraction of the outputs of each hidden layer that are dropped, 0 to 0.8.
        batch_normalization: Whether batch normalisation stands before each activation.
        initialization: `glorot`; `large`, with a standard deviation of 3; `equal`, all 0.5; or
            `zeros`.
        early_stopping: Epochs without a better test loss that early stopping waits; 0 for none.
        stops: Whether early stopping ends training, with the best weights.
        table: Identifier of an uploaded table.
        target: Column of the table to predict.
        plot_x: Column of the table on the horizontal axis; `pca` for the first principal component.
        plot_y: Column on the vertical axis; `pca` for the second principal component.

    Raises:
        InvalidArgument: If a value breaks its rule.
    """

    dataset: str = "circle"
    task: str | None = None
    loss: str = "auto"
    classes: int = 3
    train_ratio: int = 50
    noise: int = 0
    batch_size: int = 10
    data_seed: int = 0
    seed: int = 0
    features: tuple[str, ...] = ("x", "y")
    hidden: str = "4,2"
    activation: str = "tanh"
    activations: tuple[str, ...] | None = None
    unit_activations: tuple[tuple[str, ...], ...] | None = None
    optimizer: str = "sgd"
    learning_rate: float = 0.03
    schedule: str = "constant"
    schedule_epochs: int = 200
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    batch_normalization: bool = False
    initialization: str = "glorot"
    early_stopping: int = 0
    stops: bool = False
    table: str | None = None
    target: str | None = None
    plot_x: str | None = None
    plot_y: str | None = None

    def __post_init__(self) -> None:
        """Checks all values, and fills in the task."""
        self._check_data()
        self._check_network()
        self._check_training()

    @classmethod
    def from_dict(cls, values: Any) -> "Configuration":
        """Returns the configuration that `as_dict`, or JSON, gave.

        Raises:
            InvalidArgument: If `values` is no dictionary, has an unknown key, or a value breaks
                its rule.
        """
        if not isinstance(values, Mapping):
            got = type(values).__name__
            raise _checks.InvalidArgument("config", "be an object of settings", values, got=got)
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                hint = _checks.did_you_mean(name, known)
                raise _checks.InvalidArgument("config", "have known settings", name, hint)
        return cls(**{name: _frozen(value) for name, value in values.items()})

    def as_dict(self) -> dict[str, Any]:
        """Returns all settings by name, as JSON has them."""
        return dataclasses.asdict(self)

    @property
    def units(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return tuple(int(part) for part in self.hidden.split(",") if part)

    def activation_of(self, layer: int) -> str | tuple[str, ...]:
        """Returns the activation of a hidden layer, or one for each of its units."""
        if self.unit_activations is not None:
            own = self.unit_activations[layer]
            return own[0] if len(set(own)) == 1 else own
        return self.activation if self.activations is None else self.activations[layer]

    def _check_data(self) -> None:
        _checks.one_of("dataset", self.dataset, DATASETS)
        own = "regression" if self.dataset in REGRESSION_SETS else "classification"
        if self.task is None and self.dataset != "table":
            object.__setattr__(self, "task", own)
        if self.task is not None:
            _checks.one_of("task", self.task, TASKS)
            if self.dataset != "table" and self.task != own:
                rule = f"be {own!r} for the data set {self.dataset!r}"
                raise _checks.InvalidArgument("task", rule, self.task)
        _integer("classes", self.classes, 3, 6)
        _integer("train_ratio", self.train_ratio, 10, 90)
        _integer("noise", self.noise, 0, 50)
        _integer("data_seed", self.data_seed, 0, _MOST_SEED)
        _names("features", self.features, FEATURES)
        if not self.features:
            raise _checks.InvalidArgument("features", "name at least one feature", ())
        # In one order, so that one network has one configuration.
        chosen = tuple(name for name in FEATURES if name in self.features)
        object.__setattr__(self, "features", chosen)
        for name in ("table", "target", "plot_x", "plot_y"):
            _text(name, getattr(self, name))
        if self.dataset == "table" and not self.table:
            hint = "Upload a CSV file, and give its identifier."
            raise _checks.InvalidArgument("table", "name an uploaded table", self.table, hint)

    def _check_network(self) -> None:
        _check_hidden(self.hidden)
        layers = len(self.units)
        _checks.one_of("activation", self.activation, ACTIVATIONS)
        if self.activations is not None:
            _names("activations", self.activations, ACTIVATIONS, count=layers)
        if self.unit_activations is not None:
            _list("unit_activations", self.unit_activations, count=layers)
            for i, (own, units) in enumerate(zip(self.unit_activations, self.units, strict=True)):
                _names(f"unit_activations[{i}]", own, ACTIVATIONS, count=units)
        _checks.one_of("initialization", self.initialization, INITIALIZATIONS)
        _checks.boolean("batch_normalization", self.batch_normalization)
        _checks.number("dropout", self.dropout, at_least=0, at_most=0.8)
        _integer("seed", self.seed, 0, _MOST_SEED)

    def _check_training(self) -> None:
        _checks.one_of("loss", self.loss, LOSSES)
        if self.task == "regression" and self.loss == "crossentropy":
            raise _checks.InvalidArgument("loss", "be 'mse' or 'auto' for regression", self.loss)
        _integer("batch_size", self.batch_size, 1, 30)
        _checks.one_of("optimizer", self.optimizer, OPTIMIZERS)
        _checks.number("learning_rate", self.learning_rate, at_least=1e-5, at_most=10)
        _checks.one_of("schedule", self.schedule, SCHEDULES)
        _integer("schedule_epochs", self.schedule_epochs, 4, 100_000)
        for name in ("l1", "l2"):
            _checks.number(name, getattr(self, name), at_least=0, at_most=10)
        _integer("early_stopping", self.early_stopping, 0, _PATIENCE)
        _checks.boolean("stops", self.stops)


def _frozen(value: Any) -> Any:
    """Returns a value of JSON with tuples in place of lists."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _integer(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _checks.InvalidArgument(name, f"be an integer from {low} to {high}", value)


def _text(name: str, value: Any) -> None:
    if value is not None and not (isinstance(value, str) and len(value) <= _LONGEST_NAME):
        rule = f"be a text of at most {_LONGEST_NAME} characters, or null"
        raise _checks.InvalidArgument(name, rule, value)


def _list(name: str, value: Any, *, count: int | None = None) -> None:
    if not isinstance(value, tuple):
        raise _checks.InvalidArgument(name, "be a list", value)
    if count is not None and len(value) != count:
        rule = f"have {count} entries, one for each place"
        raise _checks.InvalidArgument(name, rule, value)


def _names(name: str, value: Any, choices: tuple[str, ...], *, count: int | None = None) -> None:
    _list(name, value, count=count)
    if len(value) > max(len(choices), _UNITS):
        raise _checks.InvalidArgument(name, f"have at most {len(choices)} entries", len(value))
    for entry in value:
        _checks.one_of(name, entry, choices)


def _check_hidden(hidden: Any) -> None:
    rule = f"be up to {_LAYERS} numbers of units from 1 to {_UNITS}, such as '4,2'"
    allowed = [str(units) for units in range(1, _UNITS + 1)]
    parts = hidden.split(",") if isinstance(hidden, str) and hidden else []
    wrong = not isinstance(hidden, str) or len(parts) > _LAYERS
    if wrong or any(part not in allowed for part in parts):
        raise _checks.InvalidArgument("hidden", rule, hidden, "For no hidden layer use ''.")

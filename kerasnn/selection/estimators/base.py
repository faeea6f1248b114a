"""Base of the scikit-learn estimators: parameters, training and prediction."""

import contextlib
import dataclasses
import functools
import inspect
import numbers
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import keras
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from kerasnn import _checks, callbacks, training
from kerasnn._core.random_state import seeded
from kerasnn.models.ensembles.ensemble import Ensemble
from kerasnn.models.ensembles.pack_model import Pack
from kerasnn.selection.estimators.networks import NETWORKS, Network, Training
from kerasnn.selection.folds.model_builder import require_new
from kerasnn.selection.folds.splits import can_stratify, require_classes, require_weight

T = TypeVar("T")
# A multiple of the rows that matrix products take at once on every processor (4, 6, 8, 16, 24, 48):
# a last group with fewer rows is summed in another order, and the prediction for a row would depend
# on its position.
_BLOCK_ROWS = 192


def known_parameters(estimator: type[T]) -> type[T]:
    """Makes a dataclass suggest the right name for a misspelt parameter."""
    estimator.__init__ = _checks.known_arguments(estimator.__init__)
    return estimator


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Estimator(BaseEstimator):
    """Builds, trains and keeps one Keras model.

    The fields are the parameters; subclasses describe them. A subclass reads the targets:
    `_read_targets` learns from y and returns (targets, task, outputs); `_encode` turns later y into
    targets.
    """

    network: str = "mlp"
    hidden: int | Sequence[int] | None = None
    activation: Any = None
    dropout: float | Sequence[float] | None = None
    l1: float = 0.0
    l2: float = 0.0
    batch_norm: bool = False
    normalize: bool = True
    optimizer: Any = "adam"
    learning_rate: Any = None
    epochs: int | None = None
    batch_size: int | str | None = None
    early_stopping: bool | None = None
    validation_fraction: float | None = None
    patience: int | None = None
    build: Callable[..., Any] | None = None
    random_state: Any = None
    verbose: int | str = 0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        tags.target_tags.required = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Returns the state, with the model as the bytes of its `.keras` file and its seeds."""
        given: Any = super().__getstate__()
        state = dict(given)
        if "model_" in state:
            state["model_"] = _packed(state["model_"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Loads the model from its bytes."""
        if "model_" in state:
            state = {**state, "model_": _unpacked(*state["model_"])}
        super().__setstate__(state)

    def _fit(self: Any, x: Any, y: Any, sample_weight: Any) -> Any:
        epochs = self._setting("epochs")
        stops = self._setting("early_stopping")
        _checks.integer("epochs", epochs)
        _checks.boolean("early_stopping", stops)
        with self._unchanged_by_errors():
            x, y = self._validated(x, y, reset=True)
            targets, self.task_, outputs = self._read_targets(y)
            weight = self._weights(x, y, sample_weight)
            self._begin(x, outputs)
            if stops and isinstance(self.model_, Pack):
                rule = "be left out with a pack, each of whose networks stops for itself"
                raise _checks.InvalidArgument("early_stopping", rule, stops)
            stopping, validation = [], None
            if stops:
                x, targets, weight, validation = self._split_off(x, targets, weight)
                stopping = [callbacks.EarlyStopping(patience=self._setting("patience"))]
            history = self._train(x, targets, weight, epochs, stopping, validation, self._seed)
        self.history_ = history.history
        self.n_iter_ = len(history.epoch)
        best = stopping[0].best_epoch_ if stopping else None
        self.best_epoch_ = self.n_iter_ if best is None else best + 1
        return self

    def _partial_fit(self: Any, x: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        first = not hasattr(self, "model_")
        with self._unchanged_by_errors():
            x, y = self._validated(x, y, reset=first)
            if first:
                targets, self.task_, outputs = self._read_targets(y, classes)
                self._begin(x, outputs)
                self.history_, self.n_iter_ = {}, 0
            targets = self._encode(y)
            weight = self._weights(x, y, sample_weight)
            history = self._train(x, targets, weight, 1, [], None, self._seed + self.n_iter_)
        for name, values in history.history.items():
            self.history_.setdefault(name, []).extend(values)
        self.n_iter_ += 1
        return self

    @contextlib.contextmanager
    def _unchanged_by_errors(self) -> Iterator[None]:
        """Restores all attributes after an error, so that no estimator is fitted in part."""
        before = dict(vars(self))
        try:
            yield
        except Exception:
            vars(self).clear()
            vars(self).update(before)
            raise

    def _outputs(self: Any, x: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        x = self._validated(x, None, reset=False)
        return training.predict(self.model_, _whole_blocks(x), batch_size=_BLOCK_ROWS, verbose=0)[
            : len(x)
        ]

    def _validated(self: Any, x: Any, y: Any, *, reset: bool) -> Any:
        options: dict[str, Any] = {"allow_nd": True, "reset": reset}
        if y is None and reset:
            # scikit-learn's checks look for these words.
            hint = f"{type(self).__name__} requires y to be passed, but the target y is None."
            raise _checks.InvalidArgument("y", "be given", None, hint)
        x, y = _checks.plain("X", x), _checks.plain("y", y)
        if y is None:
            x = validate_data(self, x, **options)
        else:
            x, y = self._validated_pair(x, y, options)
        return x if y is None else (x, y)

    def _weights(self: Any, x: Any, y: Any, sample_weight: Any) -> Any:
        if sample_weight is None:
            return None
        weight: Any = check_array(
            _checks.plain("sample_weight", sample_weight),
            ensure_2d=False,
            dtype="float64",
            input_name="sample_weight",
        )
        if weight.shape != (len(x),):
            rule, got = f"hold one weight for each of {len(x)} rows", f"shape {weight.shape}"
            raise _checks.InvalidArgument("sample_weight", rule, weight, got=got)
        require_weight(weight, "rows", "give no weights")
        return weight

    def _begin(self: Any, x: np.ndarray, outputs: int) -> None:
        state = self.random_state
        if isinstance(state, numbers.Integral):
            _checks.integer("random_state", state, at_least=0)
            self._seed = int(state)
        else:
            self._seed = _generator(state).randint(2**31 - 1)
        shape = x.shape[1:]
        given = {"input_shape": shape[0] if len(shape) == 1 else shape, "outputs": outputs}
        given |= {"task": self.task_, "seed": self._seed}
        with seeded(self._seed):
            changed = self._changed()
            if self.build is not None:
                self._require_defaults(changed)
                model = _call(self.build, given)
            else:
                network = self._network
                own = network.from_rows(x) | network.arguments(changed, self.network)
                model = network.build(**given, **own)
        self.model_ = model

    def _changed(self: Any) -> dict[str, Any]:
        """Returns the parameters that differ from their defaults."""
        parameters = dict(inspect.signature(type(self).__init__).parameters)
        del parameters["self"]
        values = {name: getattr(self, name) for name in parameters}
        # As objects: NumPy 2.0 cannot compare a text with a number.
        as_object = functools.partial(np.asarray, dtype=object)
        return {
            name: value
            for name, value in values.items()
            if not np.array_equal(as_object(value), as_object(parameters[name].default))
        }

    @property
    def _network(self: Any) -> Network:
        _checks.one_of("network", self.network, NETWORKS)
        return NETWORKS[self.network]

    @property
    def _default_training(self) -> Training:
        raise NotImplementedError

    def _setting(self: Any, name: str) -> Any:
        """Returns how to train: what was given, or else the default of the network."""
        given = getattr(self, name)
        return getattr(self._default_training, name) if given is None else given

    def _require_defaults(self: Any, changed: dict[str, Any]) -> None:
        """Raises where a parameter describes the network beside `build`."""
        described = {
            name
            for network in NETWORKS.values()
            for name in inspect.signature(network.build).parameters
        }
        for name in changed:
            if name in {*described, "network"}:
                rule = "be left out beside `build`, which describes the network"
                hint = "Give it to the builder: build=functools.partial(...)."
                raise _checks.InvalidArgument(name, rule, changed[name], hint)

    def _train(
        self: Any,
        x: Any,
        targets: Any,
        weight: Any,
        epochs: int,
        stopping: list[Any],
        validation: Any,
        seed: int,
    ) -> keras.callbacks.History:
        arguments = {
            "sample_weight": weight,
            "epochs": epochs,
            "batch_size": self._setting("batch_size"),
            "verbose": self.verbose,
            "seed": seed,
        }
        if isinstance(self.model_, Pack):
            return self.model_.fit(x, targets, **arguments)
        arguments |= {"callbacks": stopping or None, "validation_data": validation}
        if isinstance(self.model_, Ensemble):
            return self.model_.fit(x, targets, **arguments)
        return training.fit(self.model_, x, targets, **arguments)

    def _split_off(self: Any, x: Any, targets: Any, weight: Any) -> tuple[Any, Any, Any, Any]:
        """Returns the rows to train on, and those that early stopping validates on."""
        fraction = self._setting("validation_fraction")
        _checks.number("validation_fraction", fraction, above=0, below=1)
        size = int(np.ceil(fraction * len(x)))
        stratify = None
        if self.task_ in ("binary", "multiclass"):
            stratify = targets if can_stratify(targets, len(x) - size, size) else None
        try:
            train, inner = train_test_split(
                np.arange(len(x)), test_size=size, random_state=self._seed, stratify=stratify
            )
        except ValueError:
            rule, value = f"leave rows for both parts of {len(x)}", fraction
            raise _checks.InvalidArgument("validation_fraction", rule, value) from None
        if self.task_ in ("binary", "multiclass"):
            require_classes(targets[train], targets[inner])
        parts = [None if weight is None else weight[rows] for rows in (train, inner)]
        for part, name in zip(parts, ("training rows", "validation rows"), strict=True):
            require_weight(part, name, "do not stop early")
        validation = (x[inner], targets[inner], parts[1])
        return x[train], targets[train], parts[0], validation[: 2 if weight is None else 3]


def _whole_blocks(x: np.ndarray) -> np.ndarray:
    """Returns the rows of a table with the last one repeated until the last block is full.

    A row's prediction then depends neither on how many rows are given nor on their order. Images
    and sequences stay as they are: a block of them would cost too much.
    """
    if x.ndim != 2:
        return x
    count = -(-len(x) // _BLOCK_ROWS) * _BLOCK_ROWS
    return x[np.minimum(np.arange(count), len(x) - 1)]


def _generator(state: Any) -> np.random.RandomState:
    try:
        return check_random_state(state)
    except ValueError:
        raise _checks.InvalidArgument(
            "random_state", "be an integer, a numpy.random.RandomState, or None", state
        ) from None


def _call(build: Callable[..., Any], given: dict[str, Any]) -> Any:
    """Calls `build` with those of the arguments that it takes and does not have yet."""
    if isinstance(build, keras.Model) or not callable(build):
        raise _checks.InvalidArgument("build", "be a function that returns a compiled model", build)
    names = inspect.signature(build).parameters
    bound = getattr(build, "keywords", {})
    model = build(**{k: v for k, v in given.items() if k in names and k not in bound})
    require_new(model)
    return model


def _packed(model: keras.Model) -> tuple[bytes, list[np.ndarray]]:
    """Returns a model's file, and the states of its seeds, which the file leaves out."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes(), [np.asarray(seed) for seed in _seeds(model)]


def _unpacked(file: bytes, states: list[np.ndarray]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        path.write_bytes(file)
        model: Any = keras.saving.load_model(path)
    for seed, state in zip(_seeds(model), states, strict=True):
        seed.assign(state)
    return model


def _seeds(model: keras.Model) -> list[keras.Variable]:
    """Returns the states of the random numbers of layers, such as dropout."""
    weights = set(map(id, model.weights))
    return [variable for variable in model.variables if id(variable) not in weights]

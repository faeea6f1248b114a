"""`ensemble`: networks that are trained at once, and predict by their mean."""

import copy
import random
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core.model import is_symbolic, kept, structure
from kerasnn._core.process.strategy import scope_of
from kerasnn._core.random_state import derived, seeded
from kerasnn.callbacks._compatibility import writes_files
from kerasnn.data.split import refuse_split
from kerasnn.models.ensembles.histories import mean_history, member_seeds
from kerasnn.models.model import Functional, Model
from kerasnn.training import fit_many, predict
from kerasnn.training.inputs import arrays
from kerasnn.training.loop.job import check_model


@_checks.known_arguments
def ensemble(
    build: Callable[[], keras.Model],
    n: int = 10,
    *,
    bootstrap: bool = False,
    seed: int | None = None,
) -> "Ensemble":
    """Builds n networks that start from different weights, and the model that predicts their mean.

    f(x) = 1/n sum_i f_i(x). `fit` trains each network for itself, all at once by
    `kerasnn.fit_many`. Where they disagree, the ensemble is uncertain; see `predict_uncertainty`.

    Args:
        build: Returns a newly built, compiled, functional or `Sequential` model, without a seed of
            its own. It is called n times. The networks may differ but for the shapes of inputs
            and outputs; the first one's loss and metrics become those of the mean.
        n: Number of networks.
        bootstrap: Whether each network learns from rows drawn with replacement, as many as there
            are (bagging), in place of all rows.
        seed: Seed of the initial weights, of dropout, and of the rows drawn. None draws one from
            Python's `random`, which `keras.utils.set_random_seed` seeds.

    Returns:
        A functional Keras model. Besides Keras's methods it has `members`, `predict_members` and
        `predict_uncertainty`.

    Raises:
        InvalidArgument: If an argument breaks its rule, or `build` returns something else, models
            of different shapes, or a model with the weights of another one.
        TypeError: If an argument is unknown.

    Example:
        >>> from kerasnn import models
        >>> model = ensemble(lambda: models.mlp(1, task="regression", hidden=(8,)), 3, seed=0)
        >>> x = np.linspace(0, 1, 20, dtype="float32")[:, None]
        >>> history = model.fit(x, x**2, epochs=2, verbose=0)
        >>> mean, std = model.predict_uncertainty(x)
        >>> model.predict_members(x).shape, mean.shape, std.shape
        ((3, 20, 1), (20, 1), (20, 1))

    Reference:
        Lakshminarayanan et al. (2017), arXiv:1612.01474; Breiman (1996), doi:10.1007/BF00058655.
    """
    _checks.integer("n", n)
    _checks.boolean("bootstrap", bootstrap)
    if seed is None:
        seed = random.getrandbits(32)
    _checks.integer("seed", seed, at_least=0)
    rule = "be a function that returns a compiled model"
    builder = "lambda: models.mlp(split.input_shape, split.outputs, task=split.task)"
    refuse_split("build", rule, build, f"Give a function, such as `{builder}`.")
    if isinstance(build, keras.Model) or not callable(build):
        hint = "Give a function, such as `lambda: models.mlp(...)`."
        raise _checks.InvalidArgument("build", rule, build, hint)
    members: list[Any] = []
    for i in range(n):
        with seeded(derived(seed, 0, i)):
            member = build()
        _check_member(member, members, bootstrap=bootstrap)
        members.append(member)
    return together(Ensemble, members, range(n), bootstrap=bootstrap, seed=seed)


def together(
    kind: Callable[..., Any], members: Sequence[Any], chosen: Sequence[int], **arguments: Any
) -> Any:
    """Returns one compiled model whose outputs are the mean of those of several models.

    Args:
        kind: Class of the model, a functional one.
        members: Compiled models of the same inputs and outputs; they are renamed.
        chosen: Numbers of the members in the mean, repeated where one counts more than once.
        **arguments: Other arguments of `kind`.
    """
    first = members[0]
    for i, member in enumerate(members):
        member.name = f"member_{i}"
    inputs = keras.tree.map_structure(_new_input, structure(first, "input"))
    outputs = [keras.tree.flatten(member(inputs)) for member in members]
    means = [
        keras.layers.Average(name=name)([outputs[i][place] for i in chosen])
        for place, name in enumerate(_output_names(first))
    ]
    model = kind(
        inputs,
        keras.tree.pack_sequence_as(structure(first, "output"), means),
        name="ensemble",
        **arguments,
    )
    model.compile_from_config(first.get_compile_config())
    return model


@keras.saving.register_keras_serializable("kerasnn")
class Ensemble(Functional):
    """The mean of several networks that do not share weights; `ensemble` builds it.

    `evaluate` applies the networks' loss and metrics to the mean, and adds the mean of their
    penalties. `compile` compiles each network anew. `kerasnn.fit(model, ...)`, by contrast, trains
    the mean as one network.

    Args:
        inputs: Symbolic inputs.
        outputs: Their means.
        name: Name of the model.
        bootstrap: Whether each network learns from rows drawn with replacement.
        seed: Seed of the rows drawn.
        **kwargs: Other arguments of `keras.Model`.

    Attributes:
        members: The networks, compiled, in their order.
    """

    def __init__(
        self,
        inputs: Any,
        outputs: Any,
        name: str | None = None,
        *,
        bootstrap: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(inputs, outputs, name=name, **kwargs)
        self.bootstrap, self.seed = bootstrap, seed

    @property
    def members(self) -> list[Any]:
        """The networks, compiled, in their order."""
        models = [layer for layer in self.layers if isinstance(layer, keras.Model)]
        return sorted(models, key=lambda model: int(model.name.rpartition("_")[2]))

    @property
    def losses(self) -> list[Any]:
        """Penalties, divided by the number of networks."""
        return [loss / len(self.members) for loss in super().losses]

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles the mean and each network; the arguments are Keras's."""
        super().compile(*args, **kwargs)
        for member in self.members:
            member.compile_from_config(self.get_compile_config())

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles the mean alone; a saved network has been compiled with its own settings."""
        super().compile(**keras.saving.deserialize_keras_object(config))

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration."""
        return {**super().get_config(), "bootstrap": self.bootstrap, "seed": self.seed}

    @_checks.known_arguments
    def fit(  # type: ignore[override]
        self,
        x: Any,
        y: Any = None,
        batch_size: int | str | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        *,
        seed: int | None = None,
    ) -> keras.callbacks.History:
        """Trains each network for itself, all at once by `kerasnn.fit_many`.

        The arguments are those of `kerasnn.fit` for arrays. Another call trains on, with the
        optimizers' states, and draws the same rows if there are as many. Networks that cannot be
        stacked, such as convolutional ones, are trained one after the other.

        Args:
            x: Inputs, arrays.
            y: Targets.
            batch_size: Batch size; 32 by default, `"full"` for all rows.
            epochs: Number of epochs.
            verbose: 0 for silence, 1 for a progress bar with means over the networks, 2 for a line
                an epoch, "auto" for a bar on a terminal or in a notebook where it takes over two
                seconds.
            callbacks: Keras callbacks that have not been used. Each network gets a copy of them, so
                that `EarlyStopping` ends the training of one network. Those that write files are
                refused.
            validation_split: Fraction of the rows, taken from the end, to validate on, in [0, 1).
            validation_data: `(x, y)` or `(x, y, sample_weight)` to validate on.
            shuffle: Whether to shuffle the rows anew in each epoch.
            class_weight: Weight of each class in the loss.
            sample_weight: Weight of each row in the loss.
            validation_batch_size: Batch size of validation; as `batch_size` by default.
            validation_freq: Epochs from one validation to the next, or the epochs to validate.
            seed: Seed of the orders of the rows; by default drawn from Python's `random`.

        Returns:
            A `History` of the means over the networks that trained in an epoch, with `members`, the
            `History` of each network, `engine` and `reason`. The `val_` metrics are means of the
            networks' too; `evaluate` gives those of the mean prediction.

        Raises:
            InvalidArgument: If data or an argument cannot be right. Nothing has changed then.
            FloatingPointError: If weights or loss of a network become NaN or infinite. It then has
                its last finite weights, and the others are trained.
            TypeError: If an argument is unknown.
        """
        check_model(self)
        if seed is not None:
            _checks.integer("seed", seed, at_least=0)
        members = self.members
        train, validation = self._rows((x, y, sample_weight), validation_split, validation_data)
        arguments = {
            "rows": train,
            "validation_rows": validation,
            "epochs": epochs,
            "batch_size": batch_size,
            "callbacks": _copies(callbacks, len(members)),
            "seeds": member_seeds(seed, len(members)),
            "verbose": verbose,
            "validation_data": validation_data,
            "shuffle": shuffle,
            "class_weight": class_weight,
            "sample_weight": sample_weight,
            "validation_batch_size": validation_batch_size,
            "validation_freq": validation_freq,
        }
        for member in members:
            # Without state, the next `fit` would start Adam's moments anew.
            if not member.optimizer.built:
                with scope_of(member):
                    member.optimizer.build(member.trainable_variables)
        with warnings.catch_warnings():
            # It becomes an error below.
            warnings.filterwarnings("ignore", "The training of models", RuntimeWarning)
            histories = fit_many(members, x, y, **arguments)
        for member, history in zip(members, histories, strict=True):
            if history.error is not None:
                raise FloatingPointError(f"`{member.name}`: {history.error}") from history.error
        self.history = mean_history(self, histories)
        return self.history

    def predict_members(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
        """Returns the outputs of each network.

        Args:
            x: Inputs, as in `predict`.
            batch_size: Batch size; 32 by default.
            verbose: 1 for a progress bar.

        Returns:
            An array `(n, rows, outputs)`, or several in the structure of the outputs.
        """
        network, n = kept(self, "members", self._members_apart), len(self.members)
        flat = keras.tree.flatten(predict(network, x, batch_size=batch_size, verbose=verbose))
        stacked = [np.stack(flat[at : at + n]) for at in range(0, len(flat), n)]
        return keras.tree.pack_sequence_as(structure(self, "output"), stacked)

    def predict_uncertainty(
        self, x: Any, batch_size: int | None = None, verbose: Any = 0
    ) -> tuple[Any, Any]:
        """Returns mean and standard deviation of the networks' outputs.

        std = sqrt(1/n sum_i (f_i(x) - f(x))^2): what the networks disagree about, without the
        noise in the targets.

        Args:
            x: Inputs, as in `predict`.
            batch_size: Batch size; 32 by default.
            verbose: 1 for a progress bar.

        Returns:
            Mean and standard deviation, each with the shape and structure of the predictions.
        """
        outputs = self.predict_members(x, batch_size, verbose)
        mean = keras.tree.map_structure(lambda a: _as_float32(a.mean(0, "float64")), outputs)
        std = keras.tree.map_structure(lambda a: _as_float32(a.std(0, "float64")), outputs)
        return mean, std

    def _members_apart(self) -> Model:
        means = [layer for layer in self.layers if isinstance(layer, keras.layers.Average)]
        by_name = {layer.name: keras.tree.flatten(layer.input) for layer in means}
        outputs = [tensor for name in self.output_names for tensor in by_name[name]]
        return Model(structure(self, "input"), outputs)

    def _rows(self, data: Any, validation_split: Any, validation_data: Any) -> tuple[Any, Any]:
        """Returns the training rows of each network and those to validate on, where not all."""
        _checks.rate("validation_split", validation_split, "To validate on nothing, use 0.")
        splits = validation_split > 0 and validation_data is None
        if arrays.is_stream(data[0]) or not (splits or self.bootstrap):
            return None, None
        given, n = arrays.read(self, *data), len(self.members)
        part = given.split(validation_split)[0] if splits else given
        rows = [np.arange(part.count)] * n
        if self.bootstrap:
            random_states = [np.random.default_rng(derived(self.seed, 1, i)) for i in range(n)]
            rows = [r.integers(part.count, size=part.count) for r in random_states]
        return rows, [np.arange(part.count, given.count)] * n if splits else None


def _check_member(member: Any, others: Sequence[Any], *, bootstrap: bool) -> None:
    def fail(rule: str, got: str, hint: str) -> _checks.InvalidArgument:
        return _checks.InvalidArgument("build", rule, member, hint, got=got)

    if not isinstance(member, keras.Model):
        hint = "Let it end with `return model`."
        raise fail("return a compiled Keras model", type(member).__name__, hint)
    name = f"`{member.name}`"
    if not member.compiled:
        hint = "Let it call `model.compile(optimizer=..., loss=..., metrics=[...])`."
        raise fail("return a compiled model", f"{name}, which is not", hint)
    if not is_symbolic(member):
        hint = "Begin a `Sequential` model with `keras.Input(shape)`."
        raise fail("return a functional or `Sequential` model", f"{name}, of unknown inputs", hint)
    weights = {id(v) for other in others for v in other.variables}
    if any(member is other for other in others) or any(id(v) in weights for v in member.variables):
        hint = "Let it create a model with new layers in each call."
        raise fail("return a new model in each call", f"{name} again, or its layers", hint)
    if not others:
        return
    if _shapes(member) != _shapes(others[0]):
        hint = "Hidden layers may differ, inputs and outputs may not."
        raise fail(
            "return models of the same inputs and outputs", f"{name}, whose shapes differ", hint
        )
    if not bootstrap and member.trainable_variables and _same_weights(member, others[0]):
        hint = "Leave `seed` out in `build`; `ensemble` sets the global seed before each call."
        raise fail("return models of different weights", f"{name} with equal weights", hint)


def _shapes(model: Any) -> Any:
    ends = (structure(model, end) for end in ("input", "output"))
    return [keras.tree.map_structure(lambda t: (str(t.shape), t.dtype), end) for end in ends]


def _same_weights(one: Any, other: Any) -> bool:
    pairs = list(zip(one.trainable_variables, other.trainable_variables, strict=False))
    return all(a.shape == b.shape and np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)


def _new_input(tensor: Any) -> Any:
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)


def _output_names(model: Any) -> list[str]:
    """Returns the names of a model's outputs, by which losses and metrics may be given."""
    names = getattr(model, "output_names", None)
    return list(names) if names else [model.layers[-1].name]


def _copies(given: Any, n: int) -> list[list[Any]] | None:
    """Returns a copy of all callbacks for each network."""
    if not given:
        return None
    listed = given if isinstance(given, (list, tuple)) else [given]
    for callback in listed:
        if writes_files(callback):
            raise _checks.InvalidArgument(
                "callbacks",
                "write no files, since each network has a copy of them",
                callback,
                "Save the ensemble after `fit`.",
                got=f"a `{type(callback).__name__}`",
            )
    return [copy.deepcopy(list(listed)) for _ in range(n)]


def _as_float32(array: np.ndarray) -> np.ndarray:
    return array.astype("float32")

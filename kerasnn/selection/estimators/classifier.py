"""Neural networks as a scikit-learn classifier."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_array, validate_data

from kerasnn import _checks
from kerasnn._core.model import is_symbolic
from kerasnn._core.model_outputs import (
    has_logits,
    kind_of_targets,
    loss_function,
    output_activation,
)
from kerasnn.selection.estimators.base import Estimator
from kerasnn.selection.folds.scoring import from_logits
from kerasnn.tasks import Task


class Classifier(ClassifierMixin, Estimator):
    """Is a network of `kerasnn.models.mlp`, or of any builder, as a scikit-learn classifier.

    Two classes make one sigmoid, more a softmax, rows of zeros and ones a sigmoid a label.
    With the same seed its weights are those of `models.mlp(..., seed=seed)` after
    `fit(..., seed=seed)`, where the labels are numbered in their order.

    Rows of a table are predicted in blocks of one size, so that a prediction depends neither on the
    other rows nor on their order. scikit-learn's `check_estimator` passes but for
    `check_sample_weight_equivalence_on_dense_data`, which belongs into its
    `expected_failed_checks`: a row that is repeated in place of a larger weight moves the rows
    after it to other mini-batches, and those make other steps.

    Args:
        hidden: Units of each hidden layer.
        activation: Activation of the hidden layers.
        dropout: Share of each hidden layer's outputs dropped in training.
        l1: Factor of the penalty l1 * sum(abs(W)).
        l2: Factor of the penalty l2 * sum(W**2).
        batch_norm: Whether to normalise by batch behind each hidden layer.
        normalize: Whether to standardise inputs by the training rows.
        optimizer: Name of a Keras optimizer.
        learning_rate: Its rate.
        epochs: Passes over the training rows.
        batch_size: Rows to a step, or `"full"`.
        early_stopping: Whether to hold rows out, to stop when they are no longer predicted
            better, and to take the best weights.
        validation_fraction: Share of the rows that early stopping holds out.
        patience: Epochs without a better loss that it waits.
        class_weight: Weight of each label, or `"balanced"`; of several labels a row only that.
        build: Makes the compiled model instead. It is called with those of `input_shape`,
            `outputs`, `task` and `seed` that it names; the arguments above that describe a
            network are then left out. Its outputs are probabilities, or logits of which its loss
            says so (`from_logits=True`).
        random_state: Seed of weights, dropout and orders.
        verbose: As in Keras's `fit`.

    Attributes:
        model_: The Keras model.
        history_: Metric -> one value an epoch.
        classes_: The labels, in the order of the columns of `predict_proba`.
        task_: What was predicted: `"binary"`, `"multiclass"` or `"multilabel"`.
        n_iter_: Epochs that were trained.
        best_epoch_: The epoch, from 1, whose weights the model has.
        n_features_in_: Number of features.
        feature_names_in_: Names of the columns, where x was a data frame.

    Example:
        >>> x = [[0.0], [1.0], [2.0], [3.0]]
        >>> model = Classifier(hidden=(8,), learning_rate=0.05, epochs=60, random_state=0)
        >>> model.fit(x, ["low", "low", "high", "high"]).predict([[0.0], [3.0]])
        array(['low', 'high'], dtype='<U4')
    """

    def __init__(
        self,
        *,
        hidden: int | Sequence[int] = (64, 64),
        activation: Any = "relu",
        dropout: float | Sequence[float] = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        batch_norm: bool = False,
        normalize: bool = True,
        optimizer: Any = "adam",
        learning_rate: Any = 1e-3,
        epochs: int = 100,
        batch_size: int | str = 32,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 10,
        class_weight: Any = None,
        build: Callable[..., Any] | None = None,
        random_state: Any = None,
        verbose: int | str = 0,
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.batch_norm = batch_norm
        self.normalize = normalize
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.class_weight = class_weight
        self.build = build
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Classifier":
        """Trains a fresh model.

        Args:
            X: Rows, `(rows, features)` or of more axes.
            y: One label a row, or rows of zeros and ones (sparse ones too).
            sample_weight: Weight of each row.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "Classifier":
        """Trains one more epoch; the first call makes the model, and wants all `classes`."""
        if classes is not None and hasattr(self, "classes_"):
            self._require_classes(classes)
        return self._partial_fit(X, y, sample_weight, classes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Returns the probability of each class, or label, `(rows, classes)`."""
        outputs = self._outputs(X)
        self._require_units(outputs.shape)
        if _gives_logits(self.model_):
            outputs = from_logits(outputs, kind_of_targets(self.model_))
        if not ((outputs >= 0) & (outputs <= 1)).all():
            raise _not_probabilities(f"they reach from {outputs.min():g} to {outputs.max():g}")
        if self.task_ == "multilabel" or outputs.shape[1] > 1:
            return outputs
        return np.concatenate([1 - outputs, outputs], axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Returns the most probable label of each row; of labels, those above 1/2."""
        probabilities = self.predict_proba(X)
        if self.task_ == "multilabel":
            return (probabilities > 0.5).astype(int)
        return self.classes_[probabilities.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Returns the accuracy of the predictions."""
        y, weight = _checks.plain("y", y), _checks.plain("sample_weight", sample_weight)
        return super().score(X, y, sample_weight=weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _begin(self, x: np.ndarray, outputs: int) -> None:
        super()._begin(x, outputs)
        if is_symbolic(self.model_):
            self._require_units(self.model_.outputs[0].shape)
        if output_activation(self.model_) == "linear" and not _gives_logits(self.model_):
            raise _not_probabilities("its last layer is linear")

    def _require_units(self, shape: Any) -> None:
        """Raises unless a model has a unit for each class, or one for two classes."""
        classes = len(self.classes_)
        one_does = classes == 2 and self.task_ != "multilabel"
        if len(shape) == 2 and (shape[1] == classes or (one_does and shape[1] == 1)):
            return
        wanted = f"{classes} units, one a class" + ", or 1 unit" * one_does
        raise ValueError(
            f"`build` must return a model with {wanted}; its output has shape "
            f"{_checks.shown(tuple(shape))}. Let it take `outputs`, the number of units, which "
            "`fit` gives to it."
        )

    def _require_classes(self, classes: Any) -> None:
        """Raises unless these are the classes that the first call knew."""
        if not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise _checks.InvalidArgument(
                "classes",
                f"be those of the first `partial_fit`, {self.classes_.tolist()}",
                classes,
                "For other classes begin with a new estimator, or a `fit`.",
            )

    def _validated_pair(self, x: Any, y: Any, options: dict[str, Any]) -> Any:
        y = y.toarray() if scipy.sparse.issparse(y) else y
        x, _ = validate_data(self, x, _only_length(y), **options)
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")  # type: ignore[arg-type]
        check_classification_targets(y)
        return x, y

    def _read_targets(self, y: np.ndarray, classes: Any = None) -> tuple[Any, str, int]:
        kind = type_of_target(y)
        if kind == "multilabel-indicator":
            self.classes_ = np.arange(y.shape[1])
            return self._encode(y, "multilabel"), Task.MULTILABEL.value, y.shape[1]
        if kind == "multiclass-multioutput":
            raise ValueError(
                f"`y` must hold one label a row, or rows of zeros and ones; got shape {y.shape}. "
                "Use scikit-learn's MultiOutputClassifier."
            )
        y = column_or_1d(y, warn=True)
        self.classes_ = np.unique(y if classes is None else np.asarray(classes))
        if classes is not None and len(self.classes_) < 2:
            raise _checks.InvalidArgument("classes", "hold at least two labels", classes)
        if len(self.classes_) < 2:
            raise ValueError(
                "Classifier can't train when only one class is present: `y` holds 1 class, "
                f"{self.classes_[0]}."
            )
        many = len(self.classes_) > 2
        task = Task.MULTICLASS if many else Task.BINARY
        return self._encode(y, task), task.value, len(self.classes_) if many else 1

    def _encode(self, y: np.ndarray, task: str | None = None) -> np.ndarray:
        if (task or self.task_) == "multilabel":
            return y.astype("float32")
        y = column_or_1d(y)
        unknown = np.setdiff1d(y, self.classes_)
        if unknown.size:
            raise ValueError(
                f"`y` must hold labels that the first `partial_fit` knew, {self.classes_}; got "
                f"{unknown[0]!r}. Give all of them to the first call as `classes`."
            )
        return np.searchsorted(self.classes_, y)

    def _weights(self, x: Any, y: Any, sample_weight: Any) -> Any:
        weight = super()._weights(x, y, sample_weight)
        if self.class_weight is None:
            return weight
        balanced = isinstance(self.class_weight, str) and self.class_weight == "balanced"
        if not balanced and not isinstance(self.class_weight, dict):
            raise _checks.InvalidArgument(
                "class_weight",
                'be "balanced" or a dictionary from label to weight',
                self.class_weight,
            )
        if self.task_ == "multilabel" and not balanced:
            rule = 'be "balanced" where rows have several labels'
            hint = "To weigh rows, give `sample_weight`."
            raise _checks.InvalidArgument("class_weight", rule, self.class_weight, hint)
        by_class = compute_sample_weight(self.class_weight, y)
        if not by_class.any():
            raise _checks.InvalidArgument(
                "class_weight", "not be zero for all classes: nothing is left", self.class_weight
            )
        return by_class if weight is None else weight * by_class


def _gives_logits(model: Any) -> bool:
    return kind_of_targets(model) != "custom" and has_logits(loss_function(model))


def _not_probabilities(what: str) -> ValueError:
    return ValueError(
        f"`build` must return a model whose outputs are probabilities; {what}. End it with a "
        "sigmoid or a softmax, or compile it with a loss that has from_logits=True."
    )


def _only_length(y: Any) -> Any:
    """Returns what scikit-learn is to count rows by; the labels themselves are read later."""
    return np.zeros(len(y)) if hasattr(y, "__len__") else y

"""Neural networks as a scikit-learn classifier."""

import dataclasses
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
from kerasnn.selection.estimators.base import Estimator, known_parameters
from kerasnn.selection.estimators.networks import Training
from kerasnn.selection.folds.scoring import from_logits
from kerasnn.tasks import Task


@known_parameters
@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Classifier(ClassifierMixin, Estimator):
    """A network of `kerasnn.models`, or of any builder, as a scikit-learn classifier.

    Two classes give one sigmoid, more a softmax, rows of zeros and ones a sigmoid per label.
    With the same seed its weights are those of `models.mlp(..., seed=seed)` after
    `fit(..., seed=seed)`, where the labels are numbered in their order.

    Rows of a table are predicted in blocks of one size, so that a prediction depends neither on the
    other rows nor on their order. scikit-learn's `check_estimator` passes except for
    `check_sample_weight_equivalence_on_dense_data`, which belongs into its
    `expected_failed_checks`: a row that is repeated in place of a larger weight moves the rows
    after it to other mini-batches, with other steps.

    Args:
        network: `"mlp"`, `"tabular"`, the recipe of `models.tabular`, or `"pack"`, the mean of
            many networks of `models.pack`. What is None below has the defaults of that network.
        hidden: Units of each hidden layer.
        activation: Activation of the hidden layers.
        dropout: Fraction of each hidden layer's outputs dropped in training.
        l1: Factor of the penalty l1 * sum(abs(W)), of an `mlp`.
        l2: Factor of the penalty l2 * sum(W**2), of an `mlp`.
        batch_norm: Whether to add batch normalisation after each hidden layer of an `mlp`.
        normalize: Whether to standardise inputs by the training rows.
        optimizer: Name of a Keras optimizer, of an `mlp`.
        learning_rate: Its learning rate.
        epochs: Passes over the training rows: 100 for `mlp`, 128 for `tabular`.
        batch_size: Rows in a batch, or `"full"`: 32 for `mlp`, 256 for `tabular`.
        early_stopping: Whether to validate on a part of the rows, to stop when its loss falls no
            longer, and to take the best weights: False for `mlp`, True for `tabular`.
        validation_fraction: Fraction of the rows that early stopping validates on: 0.1 for `mlp`,
            0.2 for `tabular`.
        patience: Epochs without a better validation loss that it waits: 10 for `mlp`, 40 for
            `tabular`.
        class_weight: Weight of each label, or `"balanced"`; with several labels per row only that.
        build: Returns the compiled model instead. It is called with those of `input_shape`,
            `outputs`, `task` and `seed` that it takes; the arguments above that describe a
            network are then left out. Its outputs are probabilities, or logits if its loss has
            `from_logits=True`.
        random_state: Seed of weights, dropout and orders.
        verbose: As in Keras's `fit`.

    Attributes:
        model_: The Keras model.
        history_: Metric -> one value per epoch.
        classes_: The labels, in the order of the columns of `predict_proba`.
        task_: The task: `"binary"`, `"multiclass"` or `"multilabel"`.
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

    class_weight: Any = None

    @_checks.known_arguments
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Classifier":
        """Trains a newly built model.

        Args:
            X: Rows, `(rows, features)` or of more axes.
            y: One label per row, or rows of zeros and ones (sparse ones too).
            sample_weight: Weight of each row.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "Classifier":
        """Trains one more epoch; the first call builds the model, and needs all `classes`."""
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
            raise _not_probabilities(
                f"outputs from {outputs.min():g} to {outputs.max():g}", outputs
            )
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
            raise _not_probabilities("a linear last layer", self.model_)

    def _require_units(self, shape: Any) -> None:
        """Raises unless a model has a unit for each class, or one for two classes."""
        classes = len(self.classes_)
        is_binary = classes == 2 and self.task_ != "multilabel"
        if len(shape) == 2 and (shape[1] == classes or (is_binary and shape[1] == 1)):
            return
        rule = f"return a model with {classes} units, one per class" + ", or 1 unit" * is_binary
        hint = "Let it take `outputs`, the number of units, which `fit` gives to it."
        got = f"an output of shape {_checks.shown(tuple(shape))}"
        raise _checks.InvalidArgument("build", rule, tuple(shape), hint, got=got)

    def _require_classes(self, classes: Any) -> None:
        """Raises unless these are the classes of the first call."""
        if not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            rule = f"be those of the first `partial_fit`, {self.classes_.tolist()}"
            hint = "For other classes use a new estimator, or `fit`."
            raise _checks.InvalidArgument("classes", rule, classes, hint)

    @property
    def _default_training(self) -> Training:
        return self._network.classifier

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
            rule, got = "hold one label per row, or rows of zeros and ones", f"shape {y.shape}"
            hint = "Use scikit-learn's MultiOutputClassifier."
            raise _checks.InvalidArgument("y", rule, y, hint, got=got)
        y = column_or_1d(y, warn=True)
        self.classes_ = np.unique(y if classes is None else np.asarray(classes))
        if classes is not None and len(self.classes_) < 2:
            raise _checks.InvalidArgument("classes", "hold at least two labels", classes)
        if len(self.classes_) < 2:
            # scikit-learn's checks look for the word "class" in the text.
            rule, got = "hold at least two classes", f"1 class, {self.classes_[0]}"
            raise _checks.InvalidArgument("y", rule, self.classes_, got=got)
        many = len(self.classes_) > 2
        task = Task.MULTICLASS if many else Task.BINARY
        return self._encode(y, task), task.value, len(self.classes_) if many else 1

    def _encode(self, y: np.ndarray, task: str | None = None) -> np.ndarray:
        if (task or self.task_) == "multilabel":
            return y.astype("float32")
        y = column_or_1d(y)
        unknown = np.setdiff1d(y, self.classes_)
        if unknown.size:
            rule = f"hold labels of the first `partial_fit`, {self.classes_}"
            hint = "Give all of them to the first call as `classes`."
            raise _checks.InvalidArgument("y", rule, unknown[0], hint, got=repr(unknown[0]))
        return np.searchsorted(self.classes_, y)

    def _weights(self, x: Any, y: Any, sample_weight: Any) -> Any:
        weight = super()._weights(x, y, sample_weight)
        if self.class_weight is None:
            return weight
        balanced = isinstance(self.class_weight, str) and self.class_weight == "balanced"
        if not balanced and not isinstance(self.class_weight, dict):
            rule = 'be "balanced" or a dictionary from label to weight'
            raise _checks.InvalidArgument("class_weight", rule, self.class_weight)
        if self.task_ == "multilabel" and not balanced:
            rule = 'be "balanced" where rows have several labels'
            hint = "To weigh rows, give `sample_weight`."
            raise _checks.InvalidArgument("class_weight", rule, self.class_weight, hint)
        by_class = compute_sample_weight(self.class_weight, y)
        if not by_class.any():
            rule = "not be zero for all classes: no row would be left"
            raise _checks.InvalidArgument("class_weight", rule, self.class_weight)
        return by_class if weight is None else weight * by_class


def _gives_logits(model: Any) -> bool:
    return kind_of_targets(model) != "custom" and has_logits(loss_function(model))


def _not_probabilities(got: str, value: Any) -> _checks.InvalidArgument:
    hint = "End it with a sigmoid or a softmax, or compile it with a loss with from_logits=True."
    rule = "return a model whose outputs are probabilities"
    return _checks.InvalidArgument("build", rule, value, hint, got=got)


def _only_length(y: Any) -> Any:
    """Returns an array of as many rows for scikit-learn; labels themselves are read later."""
    return np.zeros(len(y)) if hasattr(y, "__len__") else y

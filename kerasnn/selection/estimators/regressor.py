"""Neural networks as a scikit-learn regressor."""

import dataclasses
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from kerasnn import _checks
from kerasnn.selection.estimators.base import Estimator, known_parameters
from kerasnn.selection.estimators.networks import Training
from kerasnn.tasks import Task


@known_parameters
@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Regressor(RegressorMixin, Estimator):
    """A network of `kerasnn.models`, or of any builder, as a scikit-learn regressor.

    With the same seed its weights are those of `models.mlp(..., task="regression", seed=seed)`
    after `fit(..., seed=seed)`.

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
        normalize: Whether to standardise inputs and targets by the training rows.
        optimizer: Name of a Keras optimizer, of an `mlp`.
        learning_rate: Its learning rate.
        epochs: Passes over the training rows: 100 for `mlp`, 128 for `tabular`.
        batch_size: Rows in a batch, or `"full"`: 32 for `mlp`, 256 for `tabular`.
        early_stopping: Whether to validate on a part of the rows, to stop when its loss falls no
            longer, and to take the best weights: False for `mlp`, True for `tabular`.
        validation_fraction: Fraction of the rows that early stopping validates on: 0.1 for `mlp`,
            0.2 for `tabular`.
        patience: Epochs without a better validation loss that it waits: 10 for `mlp`, and
            all of them for `tabular`.
        build: Returns the compiled model instead. It is called with those of `input_shape`,
            `outputs`, `task` and `seed` that it takes; the arguments above that describe a
            network are then left out.
        random_state: Seed of weights, dropout and orders.
        verbose: As in Keras's `fit`.

    Attributes:
        model_: The Keras model.
        history_: Metric -> one value per epoch.
        n_iter_: Epochs that were trained.
        best_epoch_: The epoch, from 1, whose weights the model has.
        n_features_in_: Number of features.
        feature_names_in_: Names of the columns, where x was a data frame.

    Example:
        >>> x = [[0.0], [1.0], [2.0], [3.0]]
        >>> model = Regressor(hidden=(), learning_rate=0.05, epochs=300, random_state=0)
        >>> model.fit(x, [1.0, 3.0, 5.0, 7.0]).predict([[4.0]]).round(1)
        array([9.])
    """

    @_checks.known_arguments
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Regressor":
        """Trains a newly built model.

        Args:
            X: Rows, `(rows, features)` or of more axes.
            y: One number per row, or several. The loss is in their units, squared: where they
                deviate by less than about 1e-4, or by more than 1e8, Adam does not learn from it;
                measure them in another unit. Where they differ by digits that float32 drops, put
                the estimator into scikit-learn's `TransformedTargetRegressor` with a
                `StandardScaler`.
            sample_weight: Weight of each row.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "Regressor":
        """Trains one more epoch; the first call builds the model, and learns its scaling."""
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Returns one number per row, or several, as in y.

        They are float64, so that `TransformedTargetRegressor` can add an offset that float32 would
        round.
        """
        outputs = self._outputs(X).astype(np.float64)
        return outputs[:, 0] if self._is_flat else outputs

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Returns the coefficient of determination of the predictions, R2."""
        y, weight = _checks.plain("y", y), _checks.plain("sample_weight", sample_weight)
        return super().score(X, y, sample_weight=weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    @property
    def _default_training(self) -> Training:
        return self._network.regressor

    def _validated_pair(self, x: Any, y: Any, options: dict[str, Any]) -> Any:
        return validate_data(self, x, y, multi_output=True, y_numeric=True, **options)

    def _read_targets(self, y: np.ndarray, classes: Any = None) -> tuple[Any, str, int]:
        self._is_flat = y.ndim == 1
        return self._encode(y), Task.REGRESSION.value, 1 if y.ndim == 1 else y.shape[1]

    def _encode(self, y: np.ndarray) -> np.ndarray:
        return y

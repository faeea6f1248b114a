"""Rules about single layers, and about the gradient on its way through them."""

import math
from collections.abc import Iterator

import keras

from kerasnn._core import model_outputs
from kerasnn.doctor.rules.evidence import Evidence
from kerasnn.doctor.rules.finding import Finding
from kerasnn.layers import RobustScale, Standardize

DYING_RELU = "dying ReLU"
# Layers after which inputs are standardised.
_SCALES = (Standardize, RobustScale, keras.layers.Normalization)
# Lu et al. (2019, arXiv:1903.06733) call a network dead when all units of one layer are; a layer
# that has lost half of them is on the way. Healthy networks on the embedded sets lose up to a
# third, where there is but one feature or four rows.
_DEAD = 0.5
# Glorot & Bengio (2010) find the gradient of sigmoid layers to shrink by a factor with each.
# Healthy networks on the embedded sets stay below 100.
_VANISHED = 1e3
# Skill score above which a model needs no larger gradients.
_LEARNED = 0.9
# Pascanu et al. (2013, arXiv:1211.5063) clip what is large relative to the usual norm. Here the
# gradient is taken relative to the weights and the loss that can be removed by learning, so that
# neither units nor depth matter: healthy networks on the embedded sets stay below 10. The mean of
# the targets has to be learned too, where outputs start near 0.
_EXPLODED = 1e3
_SATURATED = 0.5
# Larger numbers are written with an exponent.
_WRITTEN_OUT = 1e7


def dying_relu(evidence: Evidence) -> Iterator[Finding]:
    """Finds ReLU layers of which at least half of the units are active on no row."""
    scaled = any(isinstance(layer, _SCALES) for layer in evidence.model.layers)
    inputs = "" if scaled else "standardise the inputs, "
    for layer in evidence.latest.layers:
        if layer.dead >= _DEAD:
            yield Finding(
                DYING_RELU,
                layer.name,
                layer.dead,
                f"{layer.dead:.0%} of its units are active on no row, so that they pass on no "
                "gradient and will not come back.",
                f"Lower the learning rate, start from HeNormal, {inputs}or use "
                "activation='leaky_relu' or 'elu'.",
            )


def vanishing_gradients(evidence: Evidence) -> Iterator[Finding]:
    """Finds a gradient that is far smaller in the first layer than in the last."""
    ratio = evidence.latest.gradient_ratio
    learned = evidence.train_score is not None and evidence.train_score.skill_score > _LEARNED
    # Ahead of a dead layer there is no gradient at all, which `dying_relu` reports.
    if ratio < _VANISHED or math.isnan(ratio) or learned or any(dying_relu(evidence)):
        return
    first, *_, last = evidence.latest.deep
    yield Finding(
        "vanishing gradients",
        first.name,
        ratio,
        f"The gradient shrinks by a factor of {_rounded(ratio)} on its way from `{last.name}` "
        "to this layer, which hardly learns.",
        "Use activation='relu' in hidden layers, fewer layers, `batch_norm=True`, or connections "
        "that skip layers.",
    )


def _rounded(number: float) -> str:
    """Returns a large number with two digits that are not zero: 8,100, or 1.2e+09."""
    return f"{float(f'{number:.2g}'):,.0f}" if number < _WRITTEN_OUT else f"{number:.1e}"


def exploding_gradients(evidence: Evidence) -> Iterator[Finding]:
    """Finds a gradient that is far too large for the weights of its layer."""
    if evidence.train_score is None:
        return
    to_learn = max(evidence.train_score.loss_to_learn, evidence.train_score.zero_loss)
    sizes = [
        (layer.gradient * layer.weights / to_learn, layer)
        for layer in evidence.latest.deep
        if not math.isnan(layer.gradient)
    ]
    size, layer = max(sizes, key=lambda pair: pair[0], default=(0.0, None))
    if layer is not None and (size >= _EXPLODED or math.isinf(size)):
        yield Finding(
            "exploding gradients",
            layer.name,
            size,
            f"A change of its weights by one part in {size:.0f} would change the loss by all "
            "that can be learned.",
            "Use `clipnorm=1.0` in the optimizer, standardise inputs and targets, start from "
            "smaller weights (HeNormal, GlorotUniform), or lower the learning rate.",
        )


def saturated_layers(evidence: Evidence) -> Iterator[Finding]:
    """Finds hidden sigmoid or tanh layers at the ends of their range."""
    last = model_outputs.output_layer(evidence.model)
    for layer in evidence.latest.layers:
        if layer.saturated >= _SATURATED and (last is None or layer.name != last.name):
            yield Finding(
                "saturated outputs",
                layer.name,
                layer.saturated,
                f"{layer.saturated:.0%} of its outputs are within 1% of an end of their range, "
                "where the derivative is near 0.",
                "Standardise the inputs, start from smaller weights (GlorotUniform), or use "
                "activation='relu'.",
            )

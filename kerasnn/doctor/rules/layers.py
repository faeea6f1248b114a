"""Faults of single layers, and of the gradient on its way through them."""

import math
from collections.abc import Iterator

from kerasnn._core import model_outputs
from kerasnn.doctor.rules.evidence import Case
from kerasnn.doctor.rules.finding import Finding

# Lu et al. (2019, arXiv:1903.06733) call a network dead when all units of one layer are; a layer
# that has lost half of them is on the way. Healthy networks on the embedded sets lose up to a
# third, where there is but one feature or four rows.
_DEAD = 0.5
# Glorot & Bengio (2010) find the gradient of sigmoid layers to shrink by a factor with each.
# Healthy networks on the embedded sets stay below 100.
_VANISHED = 1e3
# A model that has learned this much has no need of larger gradients.
_LEARNED = 0.9
# Pascanu et al. (2013, arXiv:1211.5063) clip what is large next to the usual norm. Here the
# gradient is measured against the weights and the loss that there is to learn, so that neither
# units nor depth matter: healthy networks on the embedded sets stay below 10. What targets have in
# common is to be learned too, where outputs start near 0.
_EXPLODED = 1e3
_SATURATED = 0.5


def dying_relu(case: Case) -> Iterator[Finding]:
    """ReLU layers of which at least half of the units are active on no row."""
    for layer in case.now.layers:
        if layer.dead >= _DEAD:
            yield Finding(
                "dying ReLU",
                layer.name,
                layer.dead,
                f"{layer.dead:.0%} of its units are active on no row, so that they pass on no "
                "gradient and will not come back.",
                "Lower the learning rate, start from HeNormal, standardise the inputs, or use "
                "activation='leaky_relu' or 'elu'.",
            )


def vanishing_gradients(case: Case) -> Iterator[Finding]:
    """A gradient that is smaller by far in the first layer than in the last."""
    ratio = case.now.gradient_ratio
    learned = case.train is not None and case.train.skill > _LEARNED
    # Behind a layer that is dead there is no gradient at all, which is said already.
    if ratio < _VANISHED or math.isnan(ratio) or learned or any(dying_relu(case)):
        return
    first, *_, last = case.now.deep
    yield Finding(
        "vanishing gradients",
        first.name,
        ratio,
        f"The gradient shrinks by a factor of {ratio:.1e} on its way from `{last.name}` to this "
        "layer, which hardly learns.",
        "Use activation='relu' in hidden layers, fewer layers, `batch_norm=True`, or connections "
        "that skip layers.",
    )


def exploding_gradients(case: Case) -> Iterator[Finding]:
    """A gradient that is far too large for the weights that it is to change."""
    if case.train is None:
        return
    to_learn = max(case.train.loss_to_learn, case.train.zero_loss)
    sizes = [
        (layer.gradient * layer.weights / to_learn, layer)
        for layer in case.now.deep
        if not math.isnan(layer.gradient)
    ]
    size, layer = max(sizes, key=lambda pair: pair[0], default=(0.0, None))
    if layer is not None and (size >= _EXPLODED or math.isinf(size)):
        yield Finding(
            "exploding gradients",
            layer.name,
            size,
            f"A change of its weights by one part in {size:.0f} would change the loss by as much "
            "as there is to learn in all.",
            "Use `clipnorm=1.0` in the optimizer, standardise inputs and targets, start from "
            "smaller weights (HeNormal, GlorotUniform), or lower the learning rate.",
        )


def saturated_layers(case: Case) -> Iterator[Finding]:
    """Hidden sigmoid or tanh layers that stand at the ends of their range, where nothing moves."""
    last = model_outputs.output_layer(case.model)
    for layer in case.now.layers:
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

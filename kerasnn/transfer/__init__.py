"""Transfer learning: pretrained networks for images, with features computed once."""

from kerasnn.transfer.backbones.from_backbone import from_backbone
from kerasnn.transfer.backbones.vgg16 import vgg16
from kerasnn.transfer.features import features
from kerasnn.transfer.fine_tune import fine_tune
from kerasnn.transfer.fine_tuning.regime import regime
from kerasnn.transfer.freezing.freeze import freeze_to, unfreeze
from kerasnn.transfer.preprocessing import Preprocessing

__all__ = [
    "Preprocessing",
    "features",
    "fine_tune",
    "freeze_to",
    "from_backbone",
    "regime",
    "unfreeze",
    "vgg16",
]


def __dir__() -> list[str]:
    return sorted(__all__)

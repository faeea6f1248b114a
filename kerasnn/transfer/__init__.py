"""Pretrained networks for image data of one's own: the frozen part is computed once."""

from kerasnn.transfer.features import features as features
from kerasnn.transfer.fine_tune import fine_tune as fine_tune
from kerasnn.transfer.freeze_to import freeze_to as freeze_to
from kerasnn.transfer.from_backbone import from_backbone as from_backbone
from kerasnn.transfer.preprocessing import Preprocessing as Preprocessing
from kerasnn.transfer.regime import regime as regime
from kerasnn.transfer.unfreeze import unfreeze as unfreeze
from kerasnn.transfer.vgg16 import vgg16 as vgg16

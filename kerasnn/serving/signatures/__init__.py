"""Signatures of a model: how a request is read, and how a response is written."""

from kerasnn.serving.signatures.choose import choose as choose
from kerasnn.serving.signatures.signature import Signature as Signature

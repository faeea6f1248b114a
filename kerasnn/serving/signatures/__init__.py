"""What a server can be asked: how a request is read, and how an answer is written."""

from kerasnn.serving.signatures.choose import choose as choose
from kerasnn.serving.signatures.signature import Signature as Signature

"""ImageNet's weights: where Keras keeps them, and what to do where they cannot be had."""

import hashlib
import os
import pathlib
import threading
import urllib.error
import urllib.request

import keras

_HOST = "https://storage.googleapis.com"
_VGG = f"{_HOST}/tensorflow/keras-applications"
# File, address and MD5 of the weights without a top, as `keras.applications` has them.
_FILES = {
    "VGG16": (
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        f"{_VGG}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "6d6bbae143d832006294945121d1f1fc",
    ),
    "VGG19": (
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        f"{_VGG}/vgg19/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "253f8cb515780f3b799900260a226db6",
    ),
    "ResNet50": (
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        f"{_VGG}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    "EfficientNetB0": (
        "efficientnetb0_notop.h5",
        f"{_HOST}/keras-applications/efficientnetb0_notop.h5",
        "50bc09e76180e00e4465e1a485ddc09d",
    ),
    # Keras gives no hash for this one.
    "MobileNetV2": (
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        f"{_VGG}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        None,
    ),
}
_ANSWER_S = 6.0


def imagenet_file(name: str) -> pathlib.Path | None:
    """Returns a network's weights of ImageNet, downloaded by Keras where it has no file of them.

    Returns:
        The file, or None where Keras alone knows its name, and can load it.

    Raises:
        FileNotFoundError: If there is no file, and within seconds no answer from where it is.
    """
    folder = _folder()
    if name not in _FILES:
        if not _has_some(folder, name):
            _require_answer(
                f"the weights of {name} without its top", _HOST, "that Keras checks", folder
            )
        return None
    file, address, md5 = _FILES[name]
    if not _is_there(folder / file, md5):
        _require_answer(file, address, f"MD5 {md5}" if md5 else "that Keras does not state", folder)
    try:
        return pathlib.Path(
            keras.utils.get_file(
                file, address, file_hash=md5, cache_dir=folder.parent, cache_subdir=folder.name
            )
        )
    except Exception as error:  # Keras raises no more exact class.
        raise _not_there(file, address, f"MD5 {md5}", folder, error) from error


def _folder() -> pathlib.Path:
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    return pathlib.Path(home) / "models"


def _is_there(path: pathlib.Path, md5: str | None) -> bool:
    """Whether Keras will take the file that is at a path, if one is."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return md5 is None or hashlib.file_digest(file, "md5").hexdigest() == md5


def _has_some(folder: pathlib.Path, name: str) -> bool:
    """Whether Keras has some weights of a network without its top, under the name it gave them."""

    def plain(text: str) -> str:
        return "".join(c for c in text.lower() if c.isalnum())

    return any(
        plain(path.name).startswith(plain(name)) and "notop" in plain(path.name)
        for path in folder.glob("*.h5")
    )


def _require_answer(file: str, address: str, checksum: str, folder: pathlib.Path) -> None:
    """Raises unless the place that a file is at answers: a download would wait for minutes."""
    found: list[Exception | None] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(address, method="HEAD")
            with urllib.request.urlopen(request, timeout=_ANSWER_S - 1):
                found.append(None)
        except urllib.error.HTTPError:
            found.append(None)
        except (OSError, ValueError) as error:
            found.append(error)

    # Looking up a name has no time limit of its own.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER_S)
    error = found[0] if found else TimeoutError(f"no answer within {_ANSWER_S:g} s")
    if error is not None:
        raise _not_there(file, address, checksum, folder, error) from error


def _not_there(
    file: str, address: str, checksum: str, folder: pathlib.Path, error: Exception
) -> FileNotFoundError:
    return FileNotFoundError(
        f"`weights='imagenet'` needs {file}, which is not whole in {folder} and cannot be "
        f"downloaded: {error}. Get it from {address} (its hash: {checksum}) on a machine with a "
        f"network, and put it into {folder}; or give the path of a file as `weights`, or "
        "weights=None for random weights."
    )

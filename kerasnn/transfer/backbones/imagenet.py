"""Table of ImageNet's weights by network, with address and hash, and their download."""

import hashlib
import os
import pathlib

import keras

from kerasnn._core.network import connection_error

_HOST = "https://storage.googleapis.com"
_VGG = f"{_HOST}/tensorflow/keras-applications"
# File, address and MD5 of the weights without top, as in `keras.applications`.
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
    # Keras has no hash of this file.
    "MobileNetV2": (
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        f"{_VGG}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
        None,
    ),
}


def imagenet_file(name: str) -> pathlib.Path | None:
    """Returns the file of a network's ImageNet weights; Keras downloads it if it is missing.

    Returns:
        The file, or None for a network of which only Keras knows the name of the file.

    Raises:
        FileNotFoundError: If there is no file, and its host does not answer within seconds.
    """
    folder = _folder()
    if name not in _FILES:
        if not _has_file(folder, name):
            _require_answer(
                f"the weights of {name} without its top", _HOST, "that Keras checks", folder
            )
        return None
    file, address, md5 = _FILES[name]
    if not _is_usable(folder / file, md5):
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


def _is_usable(path: pathlib.Path, md5: str | None) -> bool:
    """Whether there is a file at a path with the right hash."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return md5 is None or hashlib.file_digest(file, "md5").hexdigest() == md5


def _has_file(folder: pathlib.Path, name: str) -> bool:
    """Whether Keras's folder has a file of a network's weights without top."""

    def plain(text: str) -> str:
        return "".join(c for c in text.lower() if c.isalnum())

    return any(
        plain(path.name).startswith(plain(name)) and "notop" in plain(path.name)
        for path in folder.glob("*.h5")
    )


def _require_answer(file: str, address: str, checksum: str, folder: pathlib.Path) -> None:
    """Raises unless the host of a file answers; a download would wait for minutes."""
    error = connection_error([address])
    if error is not None:
        raise _not_there(file, address, checksum, folder, error) from error


def _not_there(
    file: str, address: str, checksum: str, folder: pathlib.Path, error: Exception
) -> FileNotFoundError:
    return FileNotFoundError(
        f"`weights='imagenet'` needs {file}, which is not complete in {folder} and cannot be "
        f"downloaded: {error}. Get it from {address} (its hash: {checksum}) on a machine with a "
        f"network, and put it into {folder}; or give the path of a file as `weights`, or "
        "weights=None for random weights."
    )

"""Loading of the weights of a backbone from files."""

import os
import pathlib
import zipfile
from typing import Any

import h5py
import keras
import numpy as np

from kerasnn import _checks
from kerasnn._core import keras_file
from kerasnn._core.model import all_layers
from kerasnn.transfer.backbones.imagenet import imagenet_file
from kerasnn.transfer.preprocessing import application

_KERNEL_AXES = 4
_KINDS = (".weights.h5", ".h5", ".keras")


def check_weights(weights: Any) -> None:
    """Raises unless `weights` is `"imagenet"`, None, or the path of a file that is there."""
    if weights is None:
        return
    if not isinstance(weights, (str, os.PathLike)):
        raise _checks.InvalidArgument(
            "weights", "be 'imagenet', the path of a file, or None", weights
        )
    if weights == "imagenet":
        return
    path = pathlib.Path(weights)
    if not path.name.endswith(_KINDS):
        hint = _checks.did_you_mean(str(weights), ["imagenet"])
        raise _checks.InvalidArgument(
            "weights",
            f"be 'imagenet', None, or a path that ends in {', '.join(_KINDS)}",
            weights,
            hint,
        )
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"`weights` must be a file; {str(path)!r} {kind}.")


def load_backbone(backbone: keras.Model, name: str, weights: Any) -> None:
    """Loads the weights of a backbone, all of them or none.

    Raises:
        InvalidArgument: If the file is damaged or of another network.
        FileNotFoundError: If ImageNet's weights cannot be downloaded.
    """
    path = imagenet_file(name) if weights == "imagenet" else pathlib.Path(weights)
    if path is None:
        make, _ = application(name)
        source = make(include_top=False, weights="imagenet")
        _assign(backbone, name, pathlib.Path(f"keras.applications.{name}"), _of_model(source))
        return
    if path.name.endswith(".keras"):
        _assign(backbone, name, path, _of_model(keras_file.load(path, argument="weights")))
    elif path.name.endswith(".weights.h5"):
        _load_weights(backbone, name, path)
    else:
        _load_legacy(backbone, name, path)


def _load_legacy(backbone: keras.Model, name: str, path: pathlib.Path) -> None:
    """Loads an `.h5` file of `keras.applications` by layer names."""
    try:
        with h5py.File(path) as file:
            group: Any = file.get("model_weights", file)
            names = group.attrs.get("layer_names")
            arrays = names is not None and {
                _text(layer): [
                    np.asarray(group[_text(layer)][_text(weight)])
                    for weight in group[_text(layer)].attrs["weight_names"]
                ]
                for layer in names
            }
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    if not arrays:
        raise _foreign(path, name, "it names no layers")
    _assign(backbone, name, path, arrays)


def _load_weights(backbone: keras.Model, name: str, path: pathlib.Path) -> None:
    """Loads a file that `save_weights` wrote for a model that begins with the backbone."""
    before = backbone.get_weights()
    try:
        backbone.load_weights(path)
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        backbone.set_weights(before)
        raise _damaged(path, error) from error
    except ValueError as error:
        backbone.set_weights(before)
        raise _foreign(path, name, str(error).partition("\n")[0]) from error
    for layer in backbone.layers:
        if not all(np.isfinite(array).all() for array in layer.get_weights()):
            backbone.set_weights(before)
            raise _not_finite(path, layer)


def _assign(
    backbone: keras.Model,
    name: str,
    path: pathlib.Path,
    arrays_by_layer: dict[str, list[np.ndarray]],
) -> None:
    """Sets the weights of all layers, once all are found and have the right shapes."""
    found, names = [], {layer.name for layer in backbone.layers}
    for other, arrays in arrays_by_layer.items():
        if other not in names and any(array.ndim == _KERNEL_AXES for array in arrays):
            raise _foreign(path, name, f"it also has the convolution `{other}`")
    for layer in backbone.layers:
        if not layer.weights:
            continue
        arrays = arrays_by_layer.get(layer.name)
        wanted = [tuple(weight.shape) for weight in layer.weights]
        if arrays is None:
            raise _foreign(path, name, f"it has no layer `{layer.name}`")
        shapes = [array.shape for array in arrays]
        if shapes != wanted:
            raise _foreign(path, name, f"`{layer.name}` has shapes {shapes} and not {wanted}")
        if not all(np.isfinite(array).all() for array in arrays):
            raise _not_finite(path, layer)
        found.append((layer, arrays))
    for layer, arrays in found:
        layer.set_weights(arrays)


def _of_model(model: keras.Model) -> dict[str, list[np.ndarray]]:
    return {layer.name: layer.get_weights() for layer in all_layers(model)}


def _not_finite(path: pathlib.Path, layer: Any) -> ValueError:
    return ValueError(f"{path} is damaged: `{layer.name}` holds NaN or infinity.")


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _foreign(path: pathlib.Path, name: str, why: str) -> ValueError:
    return ValueError(f"{path} must hold the weights of {name}; {why}.")


def _damaged(path: pathlib.Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path} cannot be read as a file of weights; it is damaged, incomplete, or of another "
        f"kind: {error}"
    )

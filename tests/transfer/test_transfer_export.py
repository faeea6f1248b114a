"""An exported fine-tuned network: raw pixels and image files."""

import numpy as np
import pytest
import tensorflow as tf

from kerasnn import serving, transfer
from tests.transfer.transfer_cases import as_if_trained, small_vgg


@pytest.mark.slow
@pytest.mark.parametrize("name", ["VGG16", "MobileNetV2"])
def test_the_export_agrees_with_predict(tmp_path, name):
    x = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3)).astype(np.uint8)
    y = np.arange(12) % 3
    model = small_vgg()
    if name != "VGG16":
        model = transfer.from_backbone(name, (32, 32, 3), 3, task="multiclass", weights=None)
    as_if_trained(model)
    transfer.fine_tune(model, x, y, epochs=2, verbose=0)
    report = serving.export(model, tmp_path / "net", labels=["a", "b", "c"], batch_sizes=(1, 4))
    assert report.largest_difference <= 1e-5
    wanted = model.predict(x[:4], verbose=0)
    served = tf.saved_model.load(str(tmp_path / "net" / "1"))
    raw = served.signatures["serving_default"](image=tf.constant(x[:4], tf.float32))
    np.testing.assert_allclose(raw["probabilities"], wanted, atol=1e-5)
    png = tf.constant([tf.io.encode_png(image).numpy() for image in x[:4]])
    [name] = served.signatures["image_bytes"].structured_input_signature[1]
    files = served.signatures["image_bytes"](**{name: png})
    np.testing.assert_allclose(files["probabilities"], wanted, atol=1e-5)
    jpeg = [tf.io.encode_jpeg(image).numpy() for image in x[:4]]
    decoded = np.stack([tf.io.decode_jpeg(image).numpy() for image in jpeg])
    files = served.signatures["image_bytes"](**{name: tf.constant(jpeg)})
    np.testing.assert_allclose(files["probabilities"], model.predict(decoded, verbose=0), atol=1e-5)

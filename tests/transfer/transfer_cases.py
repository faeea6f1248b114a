"""A small pretrained network, images for it, and a counter of the images that it ran on."""

import keras
import numpy as np
import tensorflow as tf

from kerasnn import transfer
from tests.helpers.seeds import set_seeds

SIZE = 12
CLASSES = 3


@keras.saving.register_keras_serializable("kerasnn_tests")
class Counting(keras.layers.Layer):
    """Identity that counts images, also in copies and compiled programs."""

    seen = tf.Variable(0, trainable=False, dtype=tf.int64)

    def call(self, inputs):
        self.seen.assign_add(tf.cast(tf.shape(inputs)[0], tf.int64))
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


def counted():
    """Returns the number of images that passed `Counting` since the last call."""
    count = int(Counting.seen.numpy())
    Counting.seen.assign(0)
    return count


def network(seed=0):
    """Returns a residual network with batch normalisation and dropout, as if trained."""
    set_seeds(seed)
    image = keras.Input((SIZE, SIZE, 1), name="image")
    x = Counting(name="counting")(image)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="block1_conv")(x)
    y = keras.layers.BatchNormalization(name="block1_norm")(x)
    y = keras.layers.Dropout(0.2, name="block1_drop")(y)
    x = keras.layers.Add(name="block1_add")([x, y])
    x = keras.layers.MaxPooling2D(name="block1_pool")(x)
    for i in (1, 2):
        name = f"block2_conv{i}"
        x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name=name)(x)
    x = keras.layers.BatchNormalization(name="block2_norm")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(8, "relu", name="hidden_1")(x)
    x = keras.layers.Dropout(0.3, seed=seed, name="dropout_1")(x)
    model = keras.Model(image, keras.layers.Dense(CLASSES, "softmax", name="output")(x))
    for norm in ("block1_norm", "block2_norm"):
        gamma, beta, mean, variance = model.get_layer(norm).get_weights()
        model.get_layer(norm).set_weights([gamma, beta, mean + 0.1, variance + 0.5])
    return compiled(as_if_trained(model))


def as_if_trained(model, kind=keras.layers.Layer):
    """Changes the kernels a little, so that they differ from what the initializers drew."""
    for layer in model.layers:
        if isinstance(layer, kind) and hasattr(layer, "kernel_initializer"):
            layer.kernel.assign(1.01 * layer.kernel)
    return model


def compiled(model, optimizer="adam"):
    """Compiles a model for classes."""
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def images(rows=48, seed=0):
    """Returns images whose brightness depends on their class."""
    rng = np.random.default_rng(seed)
    y = np.arange(rows) % CLASSES
    x = rng.normal(y[:, None, None, None], 0.5, (rows, SIZE, SIZE, 1))
    return x.astype(np.float32), y


def weights_by_layer(model):
    """Returns copies of all weights by layer."""
    return {layer.name: layer.get_weights() for layer in model.layers}


def small_vgg(**arguments):
    """Returns VGG16 for small images, as if trained if it has no weights from a file."""
    arguments = {"weights": None, "head": (8,), "seed": 0, **arguments}
    model = transfer.vgg16((32, 32, 3), CLASSES, task="multiclass", **arguments)
    return model if arguments["weights"] else as_if_trained(model, keras.layers.Conv2D)

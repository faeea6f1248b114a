"""The small regime of `fine_tune` against plain Keras, whose frozen backbone runs in each epoch.

VGG16 with random weights at 224x224, 128 images, 10 epochs, the same head. Each side is counted
whole, tracing and compiling included; the rounds are interleaved.

    python tests/benchmarks/transfer/speed.py [--rounds 3] [--epochs 10] [--images 128]
"""

import argparse
import statistics
import time

import keras
import numpy as np

import kerasnn
from kerasnn import transfer

CLASSES = 3


def images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns noisy images whose mean colour tells their class."""
    rng = np.random.default_rng(0)
    y = np.arange(count) % CLASSES
    x = rng.integers(0, 128, (count, 224, 224, 3)).astype(np.uint8)
    x[np.arange(count), :, :, y] += 64
    return x, y


def plain_keras(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, epochs: int) -> float:
    """Returns the seconds of Keras's guide to transfer learning: a frozen backbone inside `fit`."""
    image = keras.Input((224, 224, 3))
    base = keras.applications.VGG16(include_top=False, weights=None)
    base.set_weights(weights)
    base.trainable = False
    tensor = keras.applications.vgg16.preprocess_input(image)
    tensor = keras.layers.GlobalAveragePooling2D()(base(tensor, training=False))
    tensor = keras.layers.Dense(256, "relu")(tensor)
    tensor = keras.layers.Dropout(0.5)(tensor)
    model = keras.Model(image, keras.layers.Dense(CLASSES, "softmax")(tensor))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    began = time.perf_counter()
    model.fit(x, y, epochs=epochs, verbose=0)
    return time.perf_counter() - began


def with_kerasnn(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray, epochs: int) -> tuple:
    """Returns the seconds of `fine_tune`, and the precision that it chose."""
    model = transfer.vgg16(outputs=CLASSES, task="multiclass", weights=None)
    model.set_weights([*weights, *model.get_weights()[len(weights) :]])
    began = time.perf_counter()
    history = transfer.fine_tune(model, x, y, regime="small", epochs=epochs, verbose=0)
    return time.perf_counter() - began, history.stages[0].precision


def main() -> None:
    """Prints the ratio of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--images", type=int, default=128)
    given = parser.parse_args()
    x, y = images(given.images)
    weights = keras.applications.VGG16(include_top=False, weights=None).get_weights()
    ours, theirs = [], []
    for number in range(given.rounds):
        seconds, precision = with_kerasnn(weights, x, y, given.epochs)
        ours.append(seconds)
        theirs.append(plain_keras(weights, x, y, given.epochs))
        print(
            f"round {number + 1}: kerasnn {ours[-1]:.1f} s, Keras {theirs[-1]:.1f} s, "
            f"{theirs[-1] / ours[-1]:.1f} times"
        )
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(
        f"kerasnn {kerasnn.__version__}, {given.images} images, {given.epochs} epochs: "
        f"{ratio:.1f} times as fast, features in {precision}"
    )


if __name__ == "__main__":
    main()

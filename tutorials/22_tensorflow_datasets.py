# %% [markdown]
# # 22. TensorFlow Datasets
#
# TensorFlow Datasets (TFDS) provides hundreds of data sets by name, and with `data.from_tfds` a
# script only has to change the name. This one needs no network connection: it prepares a small data
# set of its own, which TFDS then loads like any other.
#
# If TFDS is missing: `pip install tensorflow-datasets importlib_resources`.

# %%
import os
from pathlib import Path
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow_datasets as tfds

from kerasnn import data, models, plots

seed = int(os.environ.get("SEED", 0))
tfds.disable_progress_bar()
directory = Path("outputs/22_tensorflow_datasets")

# %% [markdown]
# **A custom data set** is a builder that describes its examples and generates them split by split.
# Here they are scikit-learn's digits, as images. Preparing writes them to files, once.

# %%
digits = data.load("digits")


class SmallDigits(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        image = tfds.features.Image(shape=(8, 8, 1))
        label = tfds.features.ClassLabel(names=digits.classes)
        features = tfds.features.FeaturesDict({"image": image, "label": label})
        return tfds.core.DatasetInfo(
            builder=self, features=features, supervised_keys=("image", "label")
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._generate_examples(digits.x_train, digits.y_train),
            "test": self._generate_examples(digits.x_test, digits.y_test),
        }

    def _generate_examples(self, images, labels):
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield number, {"image": (15 * image).astype("uint8"), "label": label}


SmallDigits(data_dir=directory).download_and_prepare()

# %% [markdown]
# From here on it is a data set like any other: `tfds.load` loads it by name, and supports slices.

# %%
tenth: Any = tfds.load("small_digits", split="train[:10%]", data_dir=directory, as_supervised=True)
print(f"A tenth of the training part has {len(tenth)} rows")

# %% [markdown]
# **The same script for any name.** The data set provides what a network has to know: shape,
# classes, task. `learn("mnist")` or `learn("cifar10")` would download and prepare the data the
# first time; without a network connection the error says within seconds how to get the files.


# %%
def learn(name, **options):
    split = data.from_tfds(name, **options)
    model = models.cnn(split.input_shape, split.outputs, task=split.task)
    model.fit(split.x_train, split.y_train, epochs=10, shuffle=split.y_train is not None, verbose=0)
    return split, model


keras.utils.set_random_seed(seed)  # Here, because preparing draws random numbers too.
split, model = learn("small_digits", data_dir=directory)
print(split)
_, accuracy = model.evaluate(split.x_test, split.y_test, verbose=0)

# %% [markdown]
# **A data set larger than memory** is read from its files during training. Its parts are then
# streams of batches, which shuffle themselves.

# %%
stream, streamed = learn("small_digits", data_dir=directory, in_memory=False, seed=seed)
_, streamed_accuracy = streamed.evaluate(stream.x_test, verbose=0)
print(f"test accuracy {accuracy:.3f}; read from the files as it went {streamed_accuracy:.3f}")

# %%
predicted = model.predict(split.x_test, verbose=0)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
images = np.pad(split.x_test[:16, ..., 0], [(0, 0), (1, 1), (1, 1)]).reshape(4, 4, 10, 10)
left.imshow(images.swapaxes(1, 2).reshape(40, 40), cmap="gray_r")
left.set_axis_off()
left.set_title("Sixteen images of the test part")
plots.confusion(split.y_test, predicted, labels=split.classes, ax=right)
fig.savefig("tutorials/figures/22_tensorflow_datasets.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** TFDS loads exactly the data that was prepared, to the last pixel, with the
# names of its classes. The same few lines train on it from memory and from its files.


# %%
def sorted_rows(images, labels):
    rows = np.column_stack([images.reshape(len(images), -1), labels])
    return rows[np.lexsort(rows.T)]


assert len(tenth) == round(0.1 * len(digits.x_train))
assert split.classes == digits.classes
np.testing.assert_array_equal(
    sorted_rows(split.x_test, split.y_test), sorted_rows(15 * digits.x_test, digits.y_test)
)
assert min(accuracy, streamed_accuracy) > 0.95

# %% [markdown]
# # Quickstart: from images to a served model
#
# A convolutional network learns to read handwritten digits, is tested on digits that it has not
# seen, and is exported as a SavedModel that runs without Keras and without kerasnn.

# %%
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
from sklearn.model_selection import train_test_split

from kerasnn import callbacks, data, models, plots, serving

keras.utils.set_random_seed(0)
outputs = Path("outputs/quickstart")
outputs.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# **Data.** 1,797 real images of 8x8 pixels, a fifth of them in the test set. To know when to stop,
# training needs images that it does not train on. They are taken from the training set, with the
# same fraction of each digit. The test set must not be used for that: an accuracy that helped to
# choose the model no longer measures how well it works on new images.

# %%
digits = data.load("digits")
print(digits)
x_train, x_val, y_train, y_val = train_test_split(
    digits.x_train, digits.y_train, test_size=0.2, stratify=digits.y_train, random_state=0
)

# %% [markdown]
# **Model.** The task determines the output and the loss: a softmax over the ten digits, cross-
# entropy, accuracy. The pixels need no scaling: the first layer learns it in training.

# %%
model = models.cnn((8, 8, 1), outputs=10, task="multiclass")

# %% [markdown]
# **Training** stops when the validation loss has not improved for ten epochs, and restores the
# weights of the best one.

# %%
stop = callbacks.EarlyStopping(patience=10)
history = model.fit(x_train, y_train, epochs=100, validation_data=(x_val, y_val), callbacks=[stop])
plots.history(history).figure.savefig(outputs / "learning_curve.png")

# %% [markdown]
# **The test**, once. Each row of the confusion matrix is a true digit; off the diagonal are the
# mistakes.

# %%
_, accuracy = model.evaluate(digits.x_test, digits.y_test, verbose=0)
print(f"Test accuracy: {accuracy:.3f} on {len(digits.x_test)} images")
predicted = model.predict(digits.x_test, verbose=0)
ax = plots.confusion(digits.y_test, predicted, labels=digits.classes)
ax.figure.savefig(outputs / "confusion.png")

# %% [markdown]
# **Serving.** The SavedModel includes the scaling and the labels: its input is pixels, its output a
# name. Here another process runs it. TensorFlow imports Keras if it can, so in that process neither
# Keras nor kerasnn can be imported.

# %%
report = serving.export(model, outputs / "model", labels=digits.classes)
print(report)
server = """
import json, sys
sys.modules["keras"] = sys.modules["kerasnn"] = None  # Importing either is an error.
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
answer = model.signatures["serving_default"](image=tf.constant(json.load(sys.stdin), tf.float32))
[label], probabilities = answer["labels"].numpy(), answer["probabilities"].numpy()
print(json.dumps({"label": label.decode(), "probabilities": probabilities.tolist()}))
"""
command = [sys.executable, "-c", server, str(report.path)]
image = json.dumps(digits.x_test[:1].tolist())
answer = subprocess.run(command, input=image, stdout=subprocess.PIPE, text=True, check=True)
served = json.loads(answer.stdout)
print(f"The first test image shows a {digits.y_test[0]}; the server reads a {served['label']}")
print(f"Figures and model are in {outputs.resolve()}")

# %% [markdown]
# **What was learned:** the network reads nearly all digits that it has not seen, and what was
# tested is what is served.

# %%
assert accuracy > 0.97
np.testing.assert_allclose(served["probabilities"], predicted[:1], rtol=0, atol=1e-6)

# %% [markdown]
# # 20. From training to TensorFlow Serving
#
# A trained model is useful when others can use it. Export writes it as a SavedModel, including the
# scaling of its inputs and the names of its classes; verification proves that it makes the same
# predictions as the model; a server answers requests over HTTP.

# %%
import http.server
import json
import os
import threading
import urllib.request
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

from kerasnn import data, models, plots, serving

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
iris = data.load("iris", seed=seed, test_size=0.4)
model = models.mlp(4, 3, task="multiclass", hidden=(32,), learning_rate=0.01)
model.fit(iris.x_train, iris.y_train, epochs=30, verbose=0)

# %% [markdown]
# **Export.** The directory contains numbered versions; each export adds the next, and a running
# server loads it by itself. A version appears only after a process without Keras has reproduced the
# predictions of the model.

# %%
report = serving.export(model, Path("outputs/20_serving/iris"), labels=iris.classes)
print(report)

# %% [markdown]
# **Verify** compares with the recorded predictions again, also after the files have been moved. On
# the command line that is `kerasnn verify outputs/20_serving/iris`.

# %%
verified = serving.verify(report.path)
print(verified)

# %% [markdown]
# **Serve.** The model card contains the command lines that start TensorFlow Serving, and a request.

# %%
card = json.loads((report.path / "assets.extra" / "model_card.json").read_text(encoding="utf-8"))
for program, command in card["serve"].items():
    print(f"\nTo serve it with {program}:\n{command}")
print(f"\nThen send:\n{card['requests']['curl']['serving_default']}")
body = card["requests"]["curl"]["serving_default"].split("'")[1]

# %% [markdown]
# TensorFlow Serving is a separate program, which need not be installed here. A few lines replace
# it: they accept the same request and return the same JSON. The predictions come from the
# SavedModel, run by TensorFlow's C library through `serving.Predictor`, without Keras.

# %%
predictor = serving.Predictor(report.path)


class StandIn(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        outputs = predictor(request["instances"])
        rows = [
            {"probabilities": row.tolist(), "labels": label.decode()}
            for row, label in zip(outputs["probabilities"], outputs["labels"], strict=True)
        ]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"predictions": rows}).encode())

    def log_message(self, *args, **kwargs):
        """Prints nothing."""


# %% [markdown]
# **Send requests.** `serving.client` sends the same requests as curl, to this server as to
# TensorFlow Serving. The request of the model card is sent unchanged.

# %%
with http.server.HTTPServer(("127.0.0.1", 0), StandIn) as server:
    threading.Thread(target=server.serve_forever).start()
    url = f"http://127.0.0.1:{server.server_port}"
    served = serving.client(url, "iris").predict(iris.x_test)
    with urllib.request.urlopen(f"{url}/v1/models/iris:predict", body.encode()) as reply:
        [replied] = json.load(reply)["predictions"]
    server.shutdown()
print(f"\nA flower of {iris.x_test[0]} cm: {served['labels'][0]}")

# %%
true = np.array(iris.classes)[iris.y_test]
right = served["labels"] == true
confidence = served["probabilities"].max(axis=1)
fig, (left, beside) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
plots.confusion(true, served["labels"].tolist(), labels=iris.classes, ax=left)
left.set_title("What the server called the flowers")
looks = (right, "o", "#0072B2", "named rightly"), (~right, "s", "#D55E00", "named wrongly")
for part, mark, colour, label in looks:
    beside.plot(np.flatnonzero(part), confidence[part], mark, color=colour, label=label)
beside.set(xlabel="test flower", ylabel="probability of the name", title="How sure it was")
beside.legend(loc="lower left")
fig.savefig("tutorials/figures/20_serving.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** What was tested is what is served: raw centimetres were sent over HTTP, and
# the names and probabilities that came back are those of the trained model.

# %%
expected = model.predict(iris.x_test, verbose=0)
difference = np.abs(served["probabilities"] - expected).max()
print(f"{right.mean():.0%} of {len(true)} named rightly; difference to the model {difference:.1e}")
assert max(verified.largest_difference, difference) < 1e-5
assert (served["labels"] == np.array(iris.classes)[expected.argmax(axis=1)]).all()
assert right.mean() > 0.88
sent = np.array(json.loads(body)["instances"])
np.testing.assert_allclose(replied["probabilities"], model.predict(sent, verbose=0)[0], atol=1e-5)

# %% [markdown]
# # 18. How information flows: feed-forward, recurrent, graph
#
# Networks differ in the information on which an output depends. A feed-forward network uses its
# whole input. A recurrent one reads step by step, and its output at a step depends on the steps so
# far. In a graph network each node receives from its neighbours, and from more distant nodes
# through them.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.neighbors import kneighbors_graph

from kerasnn import autodiff, data, models

seed = int(os.environ.get("SEED", 0))
keras.utils.set_random_seed(seed)
digits = data.load("digits", seed=seed)
x_train, x_test = digits.x_train[..., 0], digits.x_test[..., 0]
y_train, y_test = digits.y_train, digits.y_test

# %% [markdown]
# **Feed-forward** uses all 64 pixels. For the **recurrent** network a digit is a sequence of 8
# rows, from top to bottom, read by one cell.

# %%
dense = models.mlp((8, 8), 10, task="multiclass")
reader = models.rnn((8, 8), 10, task="multiclass", cell="gru", learning_rate=0.003)
right = {}
for name, model in (("feed-forward", dense), ("recurrent", reader)):
    model.fit(x_train, y_train, epochs=20, verbose=0)
    _, right[name] = model.evaluate(x_test, y_test, verbose=0)

# %% [markdown]
# The dependence of outputs on inputs is a Jacobian: here that of the state of the trained cell
# after each row, with respect to the pixels of each row.

# %%
cell = keras.layers.GRU(64, return_sequences=True)
cell.build((None, 8, 8))
cell.set_weights(reader.get_layer("gru_1").get_weights())
image = reader.get_layer("standardize")(x_test[:1])
by_step = np.linalg.norm(autodiff.jacobian(cell, image)[0, :, :, 0], axis=(1, 3))
at_once = np.linalg.norm(autodiff.jacobian(dense, x_test[:1])[0, :, 0], axis=2)

# %% [markdown]
# **Graph**: the nodes are digits, each connected to the six most similar ones, and three of each
# class have a label. The others have to be classified by their neighbours. A dense network gets the
# same 30 labels, and no neighbours.

# %%
pixels = x_train.reshape(-1, 64)
near = kneighbors_graph(pixels, 6).toarray()
edges = np.maximum(near, near.T).astype("float32")
known = np.concatenate([np.flatnonzero(y_train == digit)[:3] for digit in range(10)])
is_known = np.isin(np.arange(len(pixels)), known)
graph = models.graph_network(64, 10, task="multiclass", units=(32,), learning_rate=0.01)
nodes = {"features": pixels[None], "adjacency": keras.ops.array(edges[None])}
weights = is_known[None].astype("float32")
graph.fit(nodes, y_train[None], sample_weight=weights, epochs=150, verbose=0)
alone = models.mlp(64, 10, task="multiclass")
alone.fit(pixels[known], y_train[known], epochs=150, verbose=0)
predictions = {
    "graph": graph.predict(nodes, verbose=0)[0],
    "no neighbours": alone.predict(pixels, verbose=0),
}
for name, predicted in predictions.items():
    right[name] = np.mean(predicted.argmax(axis=1)[~is_known] == y_train[~is_known])

# %% [markdown]
# Two graph layers pass information over two edges. The pullback of node 0's output gives the
# influence of every node on it; powers of the adjacency matrix give the distances.

# %%
output, pullback = autodiff.vjp(lambda x: graph({**nodes, "features": x})[0, 0], pixels[None])
influence = np.linalg.norm(pullback(keras.ops.one_hot(output.numpy().argmax(), 10))[0][0], axis=1)
reached, hops = np.eye(len(pixels))[0], np.full(len(pixels), 4)
for hop in range(4):
    hops[(reached > 0) & (hops == 4)] = hop
    reached = reached @ edges

# %%
fig, (left, middle, beside) = plt.subplots(1, 3, figsize=(11, 3.3), layout="constrained")
left.bar(range(1, 9), at_once.sum(axis=0) / at_once.sum(), color="#0072B2")
left.set(xlabel="row of pixels", ylabel="share of the influence", title="Feed-forward: all at once")
left.set_xticks(range(1, 9))
shown = np.where(by_step > 0, by_step, np.nan)
image = middle.imshow(shown, cmap="cividis", extent=(0.5, 8.5, 8.5, 0.5))
middle.set(xlabel="row of pixels", ylabel="rows read", title="Recurrent: what was read")
middle.set_xticks(range(1, 9))
fig.colorbar(image, ax=middle, label="influence, white: none")
means = [influence[hops == hop].mean() / influence[0] for hop in range(5)]
beside.bar(range(5), means, color="#0072B2")
beside.set_xticks(range(5), ["self", "1", "2", "3", "more"])
beside.set(xlabel="edges away", ylabel="influence of a node / of itself", title="Graph: two edges")
fig.savefig("tutorials/figures/18_information_flow.png", dpi=100, metadata={"Software": None})

# %% [markdown]
# **What was learned.** The output of a feed-forward network depends on all rows; that of a
# recurrent one on exactly the rows read so far; that of a node in a graph network only on nodes at
# most as many edges away as there are layers. Both ways of reading digits are right for more than
# nine in ten. And where labels are few, neighbours help a lot.

# %%
print({name: f"{score:.3f}" for name, score in right.items()})
assert (at_once.sum(axis=0) > 0).all()
assert (np.tril(by_step) > 0).sum() == 8 * 9 / 2
assert (np.triu(by_step, k=1) == 0).all()
assert (influence[hops > 2] == 0).all()
assert (influence[hops <= 2] > 0).mean() > 0.9
assert min(right["feed-forward"], right["recurrent"]) > 0.93
assert right["graph"] > right["no neighbours"] + 0.05

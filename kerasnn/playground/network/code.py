"""The code that makes a network, its data and its training."""

from collections.abc import Sequence

from kerasnn.playground.configuration import BINARY_SETS, Configuration
from kerasnn.playground.network import layers
from kerasnn.playground.network.call import Call, as_code
from kerasnn.playground.network.changes import Change
from kerasnn.playground.points import data as points
from kerasnn.playground.points.data import Data

_CHANGES = '''\
# What was changed by hand, after so many epochs.
changes = {
%s}


class Changes(keras.callbacks.Callback):
    """Sets learning rates and weights as they were set by hand."""

    def on_train_begin(self, logs=None):
        self.apply(0)

    def on_epoch_end(self, epoch, logs=None):
        self.apply(epoch + 1)

    def apply(self, epoch):
        for name, *where, value in changes.get(epoch, ()):
            if name == "learning_rate":
                self.model.optimizer.learning_rate.assign(value)
                continue
            weight, place = where
            variable = getattr(self.model.get_layer(name), weight)
            values = variable.numpy()
            values[place] = value
            variable.assign(values)
'''


_PRINTED = """\
print("training loss", history.history["loss"][-1])
print("test loss", history.history["val_loss"][-1])\
"""
_MEASURED = """\
# The losses of the weights as they are now, after the last epoch and what followed it.
for name, x, y in (("training", split.x_train, y_train), ("test", split.x_test, y_test)):
    print(name, "loss", model.evaluate(x, y, verbose=0, return_dict=True)["loss"])\
"""


def code_of(
    configuration: Configuration,
    data: Data,
    *,
    epochs: int,
    changes: Sequence[Change] = (),
    measured: bool = False,
    ended: bool = True,
) -> str:
    """Returns a script that trains the network again, to the same numbers.

    Args:
        configuration: The configuration.
        data: Its data set.
        epochs: Number of epochs.
        changes: What was changed by hand.
        measured: Whether the losses shown are not those of the last epoch, but of the weights as
            they are now.
        ended: Whether early stopping, where it is on, has put back the best weights.
    """
    changes = [change for change in changes if change.epoch <= epochs]
    callbacks = _callbacks(configuration, ended=ended)
    blocks = [
        "import keras\n\nimport kerasnn",
        _data(configuration, data),
        _model(configuration, data),
    ]
    if changes:
        blocks.append(_CHANGES % _listed(changes))
        callbacks.append("Changes()")
    blocks.append(_training(configuration, data, epochs, callbacks))
    if measured:
        blocks.append(_MEASURED)
    elif epochs:
        blocks.append(_PRINTED)
    return "\n\n".join(blocks) + "\n"


def _data(configuration: Configuration, data: Data) -> str:
    name = configuration.dataset
    if data.table is not None:
        given = {"task": str(data.task), "missing": "mean", **points.division(configuration)}
        call = Call("kerasnn.data.from_csv", (data.table.name, configuration.target), given)
    elif name in BINARY_SETS:
        call = Call("kerasnn.data.load", (points.LOADED[name],), points.arguments(configuration))
    else:
        call = Call("kerasnn.playground.points.load", (name,), points.arguments(configuration))
    lines = [f"split = {call.text(taken=8)}"]
    if not _is_generated(call):
        lines.insert(0, "import kerasnn.playground.points\n")
    if data.units is not None:
        lines += [
            "mean, deviation = float(split.y_train.mean()), float(split.y_train.std()) or 1.0",
            "y_train = (split.y_train - mean) / deviation",
            "y_test = (split.y_test - mean) / deviation",
        ]
    elif layers.one_hot(configuration, data.task):
        count = len(data.classes)
        lines += [
            f"y_train = keras.utils.to_categorical(split.y_train, {count})",
            f"y_test = keras.utils.to_categorical(split.y_test, {count})",
        ]
    else:
        lines.append("y_train, y_test = split.y_train, split.y_test")
    return "\n".join(lines)


def _is_generated(call: Call) -> bool:
    return not call.name.startswith("kerasnn.playground")


def _model(configuration: Configuration, data: Data) -> str:
    seeds = layers.Seeds(configuration.seed)
    lines = [f'inputs = keras.Input(({data.inputs},), name="inputs")']
    lines += _first(configuration)
    h = "h" if len(lines) > 1 else "inputs"
    for i, stack in enumerate(layers.hidden_layers(configuration, seeds)):
        for call in [*stack, *layers.dropout(configuration, i, seeds)]:
            lines.append(f"h = {call.text(taken=4 + len(h) + 2)}({h})")
            h = "h"
    output = layers.output_layer(configuration, data.task, data.split.outputs, seeds)
    lines.append(f"outputs = {output.text(taken=10 + len(h) + 2)}({h})")
    lines.append('model = keras.Model(inputs, outputs, name="playground")')
    compiled = {
        "optimizer": layers.optimizer(configuration),
        **layers.compile_arguments(configuration, data.task),
    }
    lines.append(Call("model.compile", (), compiled).text())
    if configuration.dataset == "table":
        lines.append('model.get_layer("standardize").adapt(split.x_train)')
    return "\n".join(lines)


def _first(configuration: Configuration) -> list[str]:
    if configuration.dataset == "table":
        return [f"h = {layers.standardize().text()}(inputs)"]
    if configuration.features == ("x", "y"):
        return []
    parts = [layers.EXPRESSIONS[name] for name in configuration.features]
    joined = f"keras.layers.Concatenate()([{', '.join(parts)}])" if len(parts) > 1 else parts[0]
    return ["x, y = inputs[:, :1], inputs[:, 1:]", f"h = {joined}"]


def _callbacks(configuration: Configuration, *, ended: bool) -> list[str]:
    stopping = layers.stopping_callback(configuration, restores=ended)
    calls = [layers.schedule_callback(configuration), stopping]
    return [call.text(indent=8) for call in calls if call is not None]


def _training(
    configuration: Configuration, data: Data, epochs: int, callbacks: Sequence[str]
) -> str:
    lines = [
        "history = kerasnn.fit(",
        "    model,",
        "    split.x_train,",
        "    y_train,",
        f"    batch_size={configuration.batch_size},",
        f"    epochs={epochs},",
        "    validation_data=(split.x_test, y_test),",
        f"    validation_batch_size={len(data.y_test)},",
    ]
    if callbacks:
        lines += ["    callbacks=[", *(f"        {each}," for each in callbacks), "    ],"]
    lines += [
        f"    seed={configuration.seed},",
        '    engine="graph",',
        "    verbose=0,",
        ")",
    ]
    return "\n".join(lines)


def _listed(changes: Sequence[Change]) -> str:
    by_epoch: dict[int, list[Change]] = {}
    for change in changes:
        by_epoch.setdefault(change.epoch, []).append(change)
    lines = []
    for epoch, each in sorted(by_epoch.items()):
        lines.append(f"    {epoch}: [\n")
        lines += [f"        {as_code(change.as_tuple)},\n" for change in each]
        lines.append("    ],\n")
    return "".join(lines)

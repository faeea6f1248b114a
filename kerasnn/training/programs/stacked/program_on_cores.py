"""Program that runs for several sets of variables at once, for each on one core."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from kerasnn.training.programs.graph_program import light_call, light_function, traced

_LOOPS = ("While", "StatelessWhile")


class ProgramOnCores:
    """Traces a function of small models once, and runs it for several sets of variables at once.

    As in `GraphProgram`, operations run one after the other and without the graph optimiser; and
    each set runs on a core of its own. TensorFlow divides almost every product of matrices among
    all cores. Where they are small, handing them over takes as long as computing them. Of the
    operations that run a function, `MapDefun`, made for tf.data, can keep what is inside on one
    core. Here it runs the calls for all sets, which do not wait for one another.

    What is inside holds a thread of TensorFlow's pool until it ends, and must not wait for another
    one: there may be no more. Operations that call functions wait, except for loops, which run in
    the same thread. With such operations in it, a function runs for one set after the other, on
    all cores.

    Args:
        function: The function to trace; takes and returns structures of tensors. It may read other
            variables, but writes to those of the first set only.
        signature: `tf.TensorSpec` for each argument.
        sets: Sets of variables, equal in number, order, shapes and types.
        cores: Number of cores for one set.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        signature: Sequence[tf.TensorSpec],
        sets: Sequence[Sequence[tf.Variable]],
        cores: int = 1,
    ) -> None:
        self._cores = cores
        self._one = light_function(function, signature)
        self._captured = [self._captured_by(sets[0], own) for own in sets]
        self._all = None
        if not _waits(self._one):
            # `MapDefun` runs it for each entry of its first argument, which has one.
            all_arguments = [tf.TensorSpec((), tf.int32), *list(signature) * len(sets)]
            self._all = traced(lambda _, *args: self._each(args), all_arguments)

    def __call__(self, *args: Sequence[Any]) -> list[Any]:
        """Runs the function with the arguments for each set; returns its results as arrays."""
        flat = tf.nest.flatten(args)
        if self._all is None:
            return tf.nest.map_structure(lambda t: t.numpy(), self._each(flat))
        outputs = tf.raw_ops.MapDefun(
            arguments=[tf.zeros((1,), tf.int32)],
            captured_inputs=[*flat, *self._all.captured_inputs],
            output_types=[output.dtype for output in self._all.outputs],
            output_shapes=[output.shape for output in self._all.outputs],
            f=self._all,
            max_intra_op_parallelism=self._cores,
        )
        results = [output.numpy()[0] for output in outputs]
        return tf.nest.pack_sequence_as(self._all.structured_outputs, results)

    def _captured_by(self, first: Sequence[tf.Variable], own: Sequence[tf.Variable]) -> list[Any]:
        """Returns what the function captures, with other variables in the place of the first."""
        swapped = {id(v.handle): w.handle for v, w in zip(first, own, strict=True)}
        return [swapped.get(id(c), c) for c in self._one.captured_inputs]

    def _each(self, args: Sequence[Any]) -> list[Any]:
        size = len(args) // len(self._captured)
        return [
            light_call(self._one, args[i * size : (i + 1) * size], captured)
            for i, captured in enumerate(self._captured)
        ]


def _waits(function: Any) -> bool:
    """Whether an operation in a function calls other functions, and is no loop."""
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    return any(
        value.HasField("func") or bool(value.list.func)
        for node in nodes
        if node.op not in _LOOPS
        for value in node.attr.values()
    )

"""Distribution strategies whose replicas a compiled program trains on."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

_DIVIDING = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)


def strategy_of_workers() -> tf.distribute.MultiWorkerMirroredStrategy:
    """Makes the strategy of all workers in `TF_CONFIG`, ahead of all that TensorFlow runs."""
    kinds = tf.distribute.experimental.CommunicationImplementation
    # NCCL, where there are GPUs.
    kind = kinds.AUTO if tf.config.list_physical_devices("GPU") else kinds.RING
    options = tf.distribute.experimental.CommunicationOptions(implementation=kind)
    return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


def strategy_of(model: Any) -> Any:
    """Returns the strategy that divides a model's batches between replicas, or None."""
    strategy = model.distribute_strategy
    return strategy if isinstance(strategy, _DIVIDING) else None


def uses_strategy(model: Any) -> bool:
    """Whether a distribution strategy of TensorFlow is in force, or was when the model was made."""
    default = tf.distribute.get_strategy()
    return tf.distribute.has_strategy() or model.distribute_strategy is not default


def scope_of(model: Any) -> contextlib.AbstractContextManager[Any]:
    """Returns the scope in which a model's variables are created and its programs traced."""
    strategy = strategy_of(model)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def are_in_scope(model: Any, variables: Iterable[Any]) -> bool:
    """Whether variables were created in the scope of a model's strategy."""
    created = model.distribute_strategy.extended.variable_created_in_scope
    return all(created(variable.value) for variable in variables)


def in_replica(model: Any, function: Callable[[], Any]) -> Any:
    """Calls a function that changes nothing where a step calls it; returns the first result."""
    strategy = strategy_of(model)
    if strategy is None:
        return function()
    # TensorFlow warns of replicas that run outside of a graph.
    results = tf.function(lambda: strategy.run(function), autograph=False)()
    return tf.nest.map_structure(lambda v: strategy.experimental_local_results(v)[0], results)


def has_workers(model: Any) -> bool:
    """Whether several processes train a model together."""
    strategy = strategy_of(model)
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    cluster = strategy.cluster_resolver.cluster_spec()
    return sum(cluster.num_tasks(job) for job in cluster.jobs) > 1


def is_chief(model: Any) -> bool:
    """Whether this process, of all that train a model together, is the one that writes files."""
    if not has_workers(model):
        return True
    resolver = model.distribute_strategy.cluster_resolver
    if resolver.task_type == "chief":
        return True
    return "chief" not in resolver.cluster_spec().jobs and resolver.task_id == 0


def replicas_of(model: Any) -> int:
    """Returns the number of replicas that divide the batches of a model."""
    return 1 if strategy_of(model) is None else model.distribute_strategy.num_replicas_in_sync

"""Order in which folds are run: in stacks of one architecture where that is possible."""

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerasnn._core.display.progress import Progress
from kerasnn.selection.folds.executor import FoldExecutor
from kerasnn.selection.folds.fold import BuiltFold, Fold, FoldResult
from kerasnn.selection.folds.fold_training import FoldTraining, attempt
from kerasnn.training.loop.training_length import follows_length
from kerasnn.training.many.stackable import (
    architecture,
    have_equal_settings,
    in_parts,
    most_in_memory,
    why_alone,
)

Results = list[tuple[Any, FoldResult | Exception]]


Waiting = tuple[Any, Fold, BuiltFold]


class WaitingFolds:
    """Folds of one architecture that wait to train at once.

    Attributes:
        folds: Key, fold, and fold with its model.
    """

    def __init__(self) -> None:
        self.folds: list[Waiting] = []
        self._starts: dict[tuple[Any, ...], list[BuiltFold]] = {}

    def add(self, setting: list[Waiting]) -> None:
        """Adds folds of one setting, with a model each."""
        self.folds += setting
        folds, built = [fold for _, fold, _ in setting], [built for *_, built in setting]
        can_share = not built[0].callbacks and have_equal_settings([b.model for b in built])
        if can_share:
            self._starts.setdefault(_start(built[0], folds), built)

    def add_shared(self, built: BuiltFold, folds: Sequence[tuple[Any, Fold]]) -> bool:
        """Adds folds of a setting with one model for all, and returns True, where that can be.

        It can where the model starts as that of another setting does in the same fold: then the
        setting starts as the other one in the other folds too. What `build` draws is assumed to
        depend on its arguments in the first fold if it does so at all.

        Args:
            built: The first fold with its model.
            folds: Keys and folds.
        """
        starts = self._starts.get(_start(built, [fold for _, fold in folds]))
        # What follows the length of training differs by the number of a fold's rows.
        if starts is None or built.callbacks or follows_length(built.model):
            return False
        for (key, fold), start in zip(folds, starts, strict=True):
            shared = dataclasses.replace(
                start, model=built.model, start=start.model, seconds=built.seconds / len(folds)
            )
            self.folds.append((key, fold, shared))
        return True


def _start(built: BuiltFold, folds: Sequence[Fold]) -> tuple[Any, ...]:
    """Returns the seeds and rows of a setting's folds, and its weights in the first of them."""
    weights = hashlib.sha256(b"".join(v.numpy().tobytes() for v in built.model.variables))
    return *((fold.seed, id(fold.rows)) for fold in folds), weights.digest()


class FoldRunner:
    """Runs folds of many settings, and gives their results as they come.

    Folds whose models have one architecture wait until there are enough of them, or no more, and
    train in one program, as by `fit_many`. Those that cannot be stacked train one after the
    other, or several at once in threads.

    Args:
        training: Trains folds.
        executor: Runs folds that train alone.
        progress: Progress bar over all folds; it moves by epochs while a stack trains.
        most: Number of folds that wait.
    """

    def __init__(
        self, training: FoldTraining, executor: FoldExecutor, progress: Progress, *, most: int
    ) -> None:
        self._training, self._executor, self._progress = training, executor, progress
        self._most = most
        self._waiting: dict[str, WaitingFolds] = {}

    def add(self, folds: Mapping[Any, Fold]) -> Iterator[Results]:
        """Takes the folds of one setting, by keys; yields results that are there.

        After a fold that fails, no further fold of the setting begins.
        """
        left, ready = list(folds.items()), list[Waiting]()
        kind = None
        while left:
            key, fold = left[0]
            built = attempt(self._training.build, fold, True)
            if isinstance(built, Exception):
                self._progress.step(len(left))
                yield [(key, built)]
                break
            own_kind = _kind(built)
            kind = kind if ready else own_kind
            if kind is None or own_kind != kind:
                # Random numbers that a layer draws without a seed follow from the seed of `build`,
                # set in the same thread.
                again = self._executor.has_threads or not self._training.builder.sets_all_seeds
                yield from self._alone([(key, fold if again else built), *left[1:]])
                break
            if not ready:
                yield from self._make_room(kind, len(left), built)
                if self._waiting[kind].add_shared(built, left):
                    break
            ready.append((key, fold, built))
            left.pop(0)
        if ready and kind is not None:
            self._waiting[kind].add(ready)
        if sum(len(waiting.folds) for waiting in self._waiting.values()) >= self._most:
            yield from self.finish()

    def _make_room(self, kind: str, count: int, built: BuiltFold) -> Iterator[Results]:
        """Runs the folds of an architecture where some more would not fit into memory."""
        waiting = self._waiting.get(kind)
        if waiting is not None and len(waiting.folds) + count > self._room(built):
            yield from self._run(kind)
        self._waiting.setdefault(kind, WaitingFolds())

    def finish(self) -> Iterator[Results]:
        """Runs the folds that wait; yields the results of one stack after the other."""
        while self._waiting:
            yield from self._run(next(iter(self._waiting)))

    def _run(self, kind: str) -> Iterator[Results]:
        """Runs the folds of one architecture."""
        waiting = self._waiting.pop(kind).folds
        for part in in_parts(waiting, self._room(waiting[0][2])):
            yield self._stacked(part)

    def _room(self, built: BuiltFold) -> int:
        """Returns how many folds fit into memory at once."""
        dataset, size = self._training.dataset, self._training.settings.batch_size
        rows = dataset.count if isinstance(size, str) else min(size, dataset.count)
        return min(self._most, most_in_memory(built.model, rows))

    def _alone(self, folds: Sequence[tuple[Any, Fold | BuiltFold]]) -> Iterator[Results]:
        """Runs folds of one setting, up to the first that fails."""
        results = self._executor.map(lambda each: self._result_alone(each[1]), folds)
        for number, ((key, _), result) in enumerate(zip(folds, results, strict=True), 1):
            self._progress.step()
            yield [(key, result)]
            if isinstance(result, Exception):
                self._progress.step(len(folds) - number)
                return

    def _result_alone(self, fold: Fold | BuiltFold) -> FoldResult | Exception:
        built = attempt(self._training.build, fold) if isinstance(fold, Fold) else fold
        return attempt(self._training.alone, built) if isinstance(built, BuiltFold) else built

    def _stacked(self, waiting: Sequence[tuple[Any, Fold, BuiltFold]]) -> Results:
        """Runs folds of one architecture at once."""
        keys, folds, built = zip(*waiting, strict=True)
        shown = 0

        def on_epoch(done: int) -> None:
            nonlocal shown
            now = len(built) * done // self._training.settings.epochs
            self._progress.step(now - shown)
            shown = now

        found: Any = "alone"
        if len(built) > 1:
            found = attempt(self._training.together, built, on_epoch)
        if not isinstance(found, list):
            # A model that no other equals; or one of several that cannot be trained, which says so
            # by itself. The others are built anew.
            again = folds if isinstance(found, Exception) else built
            found = [self._result_alone(fold) for fold in again]
        self._progress.step(len(built) - shown)
        return list(zip(keys, found, strict=True))


def _kind(built: BuiltFold) -> str | None:
    """Returns the architecture of a model, or None if it cannot be stacked."""
    if why_alone(built.model, built.callbacks) is not None:
        return None
    return architecture(built.model)

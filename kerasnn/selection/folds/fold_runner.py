"""Order in which folds are run: in stacks of one architecture where that is possible."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kerasnn._core.progress import Progress
from kerasnn.selection.folds.executor import FoldExecutor
from kerasnn.selection.folds.fold import BuiltFold, Fold, FoldResult
from kerasnn.selection.folds.fold_training import FoldTraining, attempt
from kerasnn.training.many.stackable import architecture, why_alone

Results = list[tuple[Any, FoldResult | Exception]]


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
        self._waiting: dict[str, list[tuple[Any, Fold, BuiltFold]]] = {}

    def add(self, folds: Mapping[Any, Fold]) -> Iterator[Results]:
        """Takes the folds of one setting, by keys; yields results that are there.

        After a fold that fails, no further fold of the setting begins.
        """
        left = list(folds.items())
        while left:
            key, fold = left.pop(0)
            built = attempt(self._training.build, fold)
            if isinstance(built, Exception):
                self._progress.step(1 + len(left))
                yield [(key, built)]
                return
            kind = None
            if why_alone(built.model, built.callbacks) is None:
                kind = architecture(built.model)
            if kind is None:
                # Random numbers that a layer draws without a seed follow from the seed of `build`
                # in the same thread.
                again = self._executor.has_threads
                yield from self._alone([(key, fold if again else built), *left])
                return
            self._waiting.setdefault(kind, []).append((key, fold, built))
        if sum(map(len, self._waiting.values())) >= self._most:
            yield from self.finish()

    def finish(self) -> Iterator[Results]:
        """Runs the folds that wait; yields the results of one stack after the other."""
        while self._waiting:
            waiting = self._waiting.pop(next(iter(self._waiting)))
            for part in self._training.in_memory(waiting):
                yield self._stacked(part)

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

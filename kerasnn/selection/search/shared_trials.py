"""Trials that processes on several machines share, in Optuna's tables on PostgreSQL."""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kerasnn import _checks, _version
from kerasnn._core.random_state import derived
from kerasnn.selection.search.journal import require_same
from kerasnn.selection.search.optimizer import import_optuna
from kerasnn.selection.search.postgresql import Database

# Optuna's own heartbeats leave a trial running for ever whose process dies before the first one,
# and lose one whose process dies between two statements; so they are attributes of trials here.
_BEAT_S = 5.0
# A process that is silent for this long counts as dead.
_GRACE_S = 30.0
_POLL_S = 1.0
# So many processes may die in one trial, which then has failed: it may need too much memory.
_MOST_DEATHS = 3
# Name of the study of Optuna that holds the identity of the search, and of the attribute.
_SEARCH = "kerasnn.selection.tune"
# Attributes of trials: the process's claim, and the result.
_CLAIM, _RESULT = "kerasnn.claim", "kerasnn.result"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claim:
    """A trial that this process runs, and no other.

    Attributes:
        number: Number of the setting.
        asked: Optuna's trial, which suggests values.
    """

    number: int
    asked: Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What a process found out about a setting.

    Attributes:
        folds: Of each fold the fields of its result, or the text of its error, which is the last.
        score: Mean score, of which more is better; None where there is none.
        params: Values that Optuna suggested.
    """

    folds: Sequence[dict[str, Any] | str]
    score: float | None = None
    params: dict[str, Any] = dataclasses.field(default_factory=dict)


Work = Callable[[Claim], Result]


class Watch:
    """Notices processes that no longer beat, by the clock of this machine alone."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, float]] = {}

    def is_dead(self, number: int, beat: int) -> bool:
        """Whether the process of a trial has been silent for the grace period."""
        before, since = self._seen.get(number, (-1, 0.0))
        now = time.monotonic()
        if before != beat:
            self._seen[number] = (beat, now)
            return False
        return now - since > _GRACE_S


class SharedTrials:
    """Runs trials, each in one of the processes that were started with the same search.

    Which process runs what is decided under a lock of the database. The trial of a process that
    dies is open again after half a minute.

    Args:
        storage: URL of the database, which holds one search.
        search: Argument -> identity, which has to be that of the database.
        seed: Seed of the search.

    Raises:
        InvalidArgument: If the database cannot be opened, or is of another search.
    """

    def __init__(self, storage: str, search: dict[str, str], seed: int) -> None:
        self._optuna = import_optuna("A PostgreSQL database as `storage`")
        self._seed = seed
        with contextlib.ExitStack() as failed:
            self._database = Database(storage)
            failed.callback(self._database.close)
            try:
                with self._database.lock():
                    self._storage = self._optuna.storages.RDBStorage(
                        self._database.url,
                        engine_kwargs=self._database.options,
                        skip_compatibility_check=True,
                    )
                    failed.callback(self._storage.engine.dispose)
                    self._require_same({"kerasnn": repr(_version.__version__), **search})
            except self._database.errors as error:
                raise self._database.refused(error) from error
            failed.pop_all()

    def _require_same(self, search: dict[str, str]) -> None:
        """Raises where the database is of another search, or of another version of Optuna."""
        shown = self._database.shown
        tables = self._storage.get_current_version(), self._storage.get_head_version()
        if tables[0] != tables[1]:
            rule = f"have tables of this version of Optuna, {self._optuna.__version__}"
            hint = "Install one version on all machines."
            got = f"`{shown}`, with tables of {tables[0]} for {tables[1]}"
            raise _checks.InvalidArgument("storage", rule, shown, hint, got=got)
        study = self._study(_SEARCH)
        saved = study.user_attrs.get(_SEARCH)
        if saved is None:
            study.set_user_attr(_SEARCH, search)
            return
        hint = (
            "Each process needs the same arguments, data and version of kerasnn; another search "
            "needs another database."
        )
        require_same("storage", shown, saved, search, hint)

    def _study(self, name: str) -> Any:
        return self._optuna.create_study(
            direction="maximize", storage=self._storage, study_name=name, load_if_exists=True
        )

    def close(self) -> None:
        """Ends all connections."""
        self._storage.engine.dispose()
        self._database.close()

    def part(self, name: str) -> "Part":
        """Returns a part of the search, which is created where there is none."""
        with self._database.lock():
            study = self._study(name)
        return Part(self._optuna, self._database, study, self._seed)

    def run(
        self,
        name: str,
        numbers: Sequence[int],
        work: Work,
        *,
        is_over: Callable[[], bool],
        on_result: Callable[[int, Result], None],
    ) -> dict[int, Result]:
        """Returns the results of all settings, whichever process found them.

        Args:
            name: Name of this part of the search.
            numbers: Numbers of the settings.
            work: Trains a setting that no other process trains.
            is_over: Whether no further setting may begin; then fewer results, but one at least.
            on_result: Receives each result that becomes known.

        Raises:
            ConnectionError: If the database no longer answers.
        """
        with self._database.errors_in_words():
            part = self.part(name)
            known: dict[int, Result] = {}
            while True:
                found = part.results()
                for number in sorted(found.keys() - known.keys()):
                    on_result(number, found[number])
                known = found
                if len(known.keys() & set(numbers)) == len(numbers) or (known and is_over()):
                    return known
                claim = part.claim(numbers)
                if claim is None:
                    time.sleep(_POLL_S)
                else:
                    part.run(claim, work)


class Part:
    """Trials of one part of a search, which is a study of Optuna."""

    def __init__(self, optuna: Any, database: Database, study: Any, seed: int) -> None:
        self._optuna, self._database, self._study, self._seed = optuna, database, study, seed
        self._states = optuna.trial.TrialState
        self._watch = Watch()

    def results(self) -> dict[int, Result]:
        """Returns the results that are known by now."""
        found: dict[int, Result] = {}
        for number, trials in self._trials().items():
            for trial in trials:
                if _RESULT in trial.user_attrs:
                    kept = trial.user_attrs[_RESULT]
                    found[number] = Result(**kept, params=trial.params)
                    break
        return dict(sorted(found.items()))

    def claim(self, numbers: Sequence[int]) -> Claim | None:
        """Returns a setting that is this process's to train, or None where none is open."""
        if self._open(numbers) is None:
            return None
        with self._database.lock():
            # Another process may have been faster.
            number = self._open(numbers)
            if number is None:
                return None
            params: dict[str, Any] = {}
            deaths = 0
            for trial in self._trials().get(number, []):
                params, deaths = trial.params, deaths + 1
                self._study.tell(trial.number, state=self._states.FAIL, skip_if_finished=True)
            if params:
                # What was suggested to the dead process.
                self._study.enqueue_trial(params)
            self._study.sampler = self._optuna.samplers.TPESampler(
                seed=derived(self._seed, 2, number)
            )
            claim = Claim(number=number, asked=self._study.ask())
            self._beat(claim, 0)
        if deaths < _MOST_DEATHS:
            return claim
        error = f"RuntimeError: {deaths} processes ended without a result while they trained it"
        self._finish(claim, Result(folds=[error]))
        return None

    def _open(self, numbers: Sequence[int]) -> int | None:
        """Returns the first setting that has no result and no living process."""
        trials = self._trials()
        # All of them, so that each silence counts from when it began.
        dead = {
            trial.number
            for several in trials.values()
            for trial in several
            if trial.state != self._states.RUNNING
            or self._watch.is_dead(trial.number, trial.user_attrs[_CLAIM]["beat"])
        }
        for number in numbers:
            several = trials.get(number, [])
            has_result = any(_RESULT in trial.user_attrs for trial in several)
            if not has_result and all(trial.number in dead for trial in several):
                return number
        return None

    def _trials(self) -> dict[int, list[Any]]:
        """Returns Optuna's trials by the number of the setting."""
        found: dict[int, list[Any]] = {}
        for trial in self._study.get_trials(deepcopy=False):
            claim = trial.user_attrs.get(_CLAIM)
            if claim is not None and claim["number"] is not None:
                found.setdefault(claim["number"], []).append(trial)
        return found

    def run(self, claim: Claim, work: Work) -> None:
        """Trains a setting, and keeps its result."""
        try:
            with self._beating(claim):
                result = work(claim)
        except BaseException:
            # It is open to others at once; this was no death.
            with contextlib.suppress(Exception):
                claim.asked.set_user_attr(_CLAIM, {"number": None, "beat": 0})
                self._study.tell(claim.asked, state=self._states.FAIL)
            raise
        self._finish(claim, result)

    def _finish(self, claim: Claim, result: Result) -> None:
        kept = {"folds": list(result.folds), "score": result.score}
        # Optuna's error where this process was silent for too long, and another one has the trial.
        with contextlib.suppress(RuntimeError):
            claim.asked.set_user_attr(_RESULT, kept)
            self._study.tell(
                claim.asked,
                result.score,
                state=self._states.FAIL if result.score is None else None,
                skip_if_finished=True,
            )

    @contextlib.contextmanager
    def _beating(self, claim: Claim) -> Iterator[None]:
        """Shows other processes that this one lives."""
        ended = threading.Event()

        def beat() -> None:
            count = 0
            while not ended.wait(_BEAT_S):
                count += 1
                # The next one may get through.
                with contextlib.suppress(Exception):
                    self._beat(claim, count)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _beat(self, claim: Claim, count: int) -> None:
        claim.asked.set_user_attr(_CLAIM, {"number": claim.number, "beat": count})

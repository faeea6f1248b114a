"""Optuna, which suggests settings after the scores of those before."""

import contextlib
import functools
import time
from typing import Any

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn._core.random_state import derived
from kerasnn.selection.search.journal import require_same
from kerasnn.selection.search.study import Study

# Attribute of Optuna's study that holds the identity of the search.
_ATTRIBUTE = "kerasnn.selection.tune"
# Where two processes create the tables of a new storage, Optuna lets one of them fail.
_WAITS_S = (0.2, 1.0)


def import_optuna(what: str) -> Any:
    """Returns the module; the error says what needs it and how to install it."""
    try:
        import optuna  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImportError(
            f"{what} needs Optuna. Install it with `pip install 'kerasnn[tune]'`, or use "
            'method="random".'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def own(optuna: Any, study: Study) -> Any:
    """Returns a study of Optuna that suggests the same again with the same seed."""
    sampler = optuna.samplers.TPESampler(seed=derived(study.seed, 2))
    return optuna.create_study(direction="maximize", sampler=sampler)


def shared(optuna: Any, study: Study, storage: str) -> Any:
    """Returns the study of Optuna that several processes share."""
    opened = _opened(optuna, storage, f"kerasnn-{study.part}")
    # Each process may try as many settings as it likes.
    search = {k: v for k, v in study.journal.search.items() if k != "n_trials"}
    require_same("storage", storage, opened.user_attrs.get(_ATTRIBUTE, search), search)
    opened.set_user_attr(_ATTRIBUTE, search)
    return opened


def _opened(optuna: Any, storage: str, name: str) -> Any:
    """Returns Optuna's study of a name, which is created where there is none."""
    create = functools.partial(
        optuna.create_study,
        direction="maximize",
        storage=storage,
        study_name=name,
        load_if_exists=True,
    )
    for wait_s in _WAITS_S:
        with contextlib.suppress(Exception):
            return create()
        time.sleep(wait_s)
    try:
        return create()
    except Exception as error:
        rule, hint = "be a URL that Optuna can open", f"Optuna says: {first_line(error)}"
        raise _checks.InvalidArgument("storage", rule, storage, hint) from error

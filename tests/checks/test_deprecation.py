"""Warnings about former names: where they point, and what they say."""

import inspect
import warnings

import pytest

from kerasnn import _checks
from kerasnn._checks.deprecation import deprecated, renamed_argument


@renamed_argument("jobs", "n_jobs", since="0.2", removal="0.4")
@_checks.known_arguments
def search(*, n_jobs=1, seed=0):
    """Searches."""
    return n_jobs, seed


class Model:
    @deprecated("`Sequential`", since="0.2", removal="0.4")
    def __init__(self, units):
        self.units = units


def test_the_former_name_of_an_argument_works_and_warns():
    text = (
        r"`jobs` of `search` is deprecated since kerasnn 0.2 and is removed in 0.4; use `n_jobs`\."
    )
    with pytest.warns(FutureWarning, match=text) as caught:
        assert search(jobs=3, seed=1) == (3, 1)
    # The line of the caller, not one of the package.
    assert [warning.filename for warning in caught] == [__file__]


def test_the_new_name_does_not_warn_and_is_the_one_that_is_shown():
    with warnings.catch_warnings(action="error"):
        assert search(n_jobs=2) == (2, 0)
    assert list(inspect.signature(search).parameters) == ["n_jobs", "seed"]
    assert search.__doc__ == "Searches."


def test_both_names_are_refused():
    with pytest.raises(TypeError, match="`search` takes `n_jobs`, and not its former name `jobs`"):
        search(jobs=1, n_jobs=1)


def test_a_wrong_name_is_refused_as_before():
    with pytest.raises(TypeError, match="no argument `n_job`"):
        search(n_job=1)


def test_a_class_warns_and_stays_a_class():
    text = r"`Model` is deprecated since kerasnn 0.2 and is removed in 0.4; use `Sequential`\."
    with pytest.warns(FutureWarning, match=text) as caught:
        model = Model(3)
    assert isinstance(model, Model)
    assert model.units == 3
    assert caught[0].filename == __file__

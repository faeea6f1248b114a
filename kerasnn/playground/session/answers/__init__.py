"""Answers to questions about a network."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kerasnn.playground.session.answers import quality, surface, uncertainty
from kerasnn.playground.session.question import Question

Progress = Callable[[int, int], None]
Show = Callable[[str, np.ndarray], None]


def answer(question: Question, progress: Progress, show: Show) -> dict[str, Any]:
    """Returns the answer to a question, as JSON.

    Args:
        question: The question.
        progress: Receives how much is done, and of how much.
        show: Receives the kind and the values of an uncertainty over the map.

    Raises:
        InvalidArgument: If an option breaks its rule, or the network has no such answer.
    """
    match question.what:
        case "lr_find":
            return quality.learning_rates(question)
        case "k_fold":
            return quality.k_fold(question)
        case "confusion":
            return quality.confusion(question)
        case "doctor":
            return quality.findings(question)
        case "ensemble":
            return uncertainty.of_ensemble(question, show)
        case "mc_dropout":
            return uncertainty.of_dropout(question, show)
        case _:
            return surface.loss_surface(question, progress)

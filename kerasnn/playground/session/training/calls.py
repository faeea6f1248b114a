"""What a trainer calls of its session, and what those calls raise."""

import dataclasses
from collections.abc import Callable


class Closed(Exception):  # noqa: N818 - no error.
    """The session ends."""


class Left(Exception):  # noqa: N818 - no error.
    """The training has been replaced by another one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Calls:
    """What a trainer calls of its session.

    Attributes:
        attend: Does what the page asks for; called after each epoch with the seconds to wait, and
            returns when the next epoch may begin.
        is_urgent: Whether the page asks for what should not wait for the end of an epoch.
        tidy: Frees what gone networks have left, if no other network is used.
    """

    attend: Callable[[float | None], None]
    is_urgent: Callable[[], bool]
    tidy: Callable[[], None]

"""A PostgreSQL database: its connections, its lock, and its errors in words."""

import contextlib
from collections.abc import Iterator
from typing import Any

from kerasnn import _checks
from kerasnn._checks import first_line
from kerasnn.selection.search.optimizer import import_optuna

_CONNECT_S = 10
# For a lock that others hold; and for a process that holds one and is stopped, or whose machine is
# off: the server then ends its transaction.
_LOCK_S, _IDLE_S = 90, 60
# Of libpq: a network that no longer transmits is an error after about half a minute. Of a database
# in ASCII, such as one in the locale C, SQLAlchemy expects texts, and would receive bytes.
_CONNECTION = {
    "client_encoding": "utf8",
    "connect_timeout": _CONNECT_S,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
# Number of the lock among those of the database; from the letters of "kerasnn".
_LOCK = int.from_bytes(b"kerasnn", "big")


def is_postgresql(storage: Any) -> bool:
    """Whether a storage is the URL of a PostgreSQL database."""
    return isinstance(storage, str) and storage.partition("://")[0].split("+")[0] == "postgresql"


class Database:
    """A PostgreSQL database that answers.

    Args:
        url: URL of the database, such as `"postgresql://user:password@host:5432/name"`.

    Attributes:
        url: The URL with the driver in it.
        shown: The URL without its password.
        options: Arguments of SQLAlchemy's `create_engine`.
        errors: Classes of what the database raises, through SQLAlchemy and Optuna.

    Raises:
        InvalidArgument: If nothing can be connected to within ten seconds, or the server refuses.
        ImportError: If SQLAlchemy or psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        self._sqlalchemy = _import_sqlalchemy()
        optuna = import_optuna("A PostgreSQL database as `storage`")
        self.errors = (
            self._sqlalchemy.exc.SQLAlchemyError,
            optuna.exceptions.StorageInternalError,
        )
        try:
            parsed = self._sqlalchemy.make_url(url)
            if parsed.drivername == "postgresql":
                # Which driver is the default depends on SQLAlchemy's version.
                parsed = parsed.set(drivername="postgresql+psycopg")
            self.options = {"connect_args": _CONNECTION, "pool_pre_ping": True}
            self._engine = self._sqlalchemy.create_engine(parsed, **self.options)
        except (self._sqlalchemy.exc.SQLAlchemyError, ValueError) as error:
            # The URL may have a password in it, which is not shown.
            scheme = url.partition("://")[0]
            hint = 'Give "postgresql://user:password@host:5432/name", for example.'
            got = f"another, of `{scheme}`: {first_line(error)}"
            rule = "be a URL that SQLAlchemy can read"
            raise _checks.InvalidArgument("storage", rule, scheme, hint, got=got) from None
        self.url = parsed.render_as_string(hide_password=False)
        self.shown = self._sqlalchemy.make_url(url).render_as_string()
        try:
            with self._engine.connect():
                pass
        except self.errors as error:
            raise self.refused(error) from None

    def refused(self, error: Exception) -> _checks.InvalidArgument:
        """Returns the error of a database that cannot be opened."""
        rule, got = "be the URL of a database that this user may use", f"`{self.shown}`"
        hint = f"The database says: {_words(error)}"
        return _checks.InvalidArgument("storage", rule, self.shown, hint, got=got)

    def close(self) -> None:
        """Ends all connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes out that ask for it too, on any machine.

        The server drops it with the connection of a process that dies.
        """
        text = self._sqlalchemy.text
        with self._engine.begin() as connection:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_S}s'"))
            connection.execute(
                text(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_S}s'")
            )
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            yield

    @contextlib.contextmanager
    def errors_in_words(self) -> Iterator[None]:
        """Says of an error of the database that it is one.

        Raises:
            ConnectionError: Instead of SQLAlchemy's and Optuna's errors.
        """
        try:
            yield
        except self.errors as error:
            raise ConnectionError(
                f"The search cannot go on without its database `{self.shown}`. What has ended is "
                "kept there: when the database answers again, start the same search. "
                f"The database says: {_words(error)}"
            ) from error


def _words(error: BaseException) -> str:
    """Returns the database's own words: those of the first cause that is the driver's."""
    while getattr(error, "orig", None) is None and error.__cause__ is not None:
        error = error.__cause__
    return first_line(getattr(error, "orig", None) or error)


def _import_sqlalchemy() -> Any:
    """Returns the module; the error says how to install it."""
    try:
        import psycopg  # type: ignore[import-not-found]  # noqa: F401
        import sqlalchemy  # type: ignore[import-not-found]
    except ImportError as error:
        raise ImportError(
            "A PostgreSQL database as `storage` needs SQLAlchemy and psycopg. Install them with "
            "`pip install 'kerasnn[postgresql]'`."
        ) from error
    return sqlalchemy

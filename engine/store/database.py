"""Connections: SQLite (WAL, synchronous=FULL) or PostgreSQL, one writer at a time, errors in the engine's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, select, text, update

from engine.errors import InvalidInput, Unavailable
from engine.store.columns import to_json
from engine.store.driver import run
from engine.store.tables import CounterRow

_WRITE_LOCK = 5_063_218_407  # the advisory lock that all PathFinder writers on one PostgreSQL database share
__all__ = ["Connection", "Counters", "Database", "Write", "counted", "revision_of", "translated"]
_COUNTERS = "SELECT revision, incidents, alerts, topology, changed, changes, corrected FROM counter"
_COUNT = "UPDATE counter SET revision=?, incidents=?, alerts=?, topology=?, changed=?, changes=?, corrected=?"
_SYNCHRONOUS = "FULL"  # with NORMAL, a power cut takes most of what was acknowledged in the last seconds
_REFUSED = (exc.IntegrityError, exc.DataError, OverflowError, sqlite3.IntegrityError, sqlite3.DataError)


class Counters(NamedTuple):
    """How far the store had come when it was last written to; see `Write`."""

    revision: int
    incidents: int
    alerts: int
    topology: int
    changed: int
    changes: int
    corrected: int


@dataclass(slots=True)
class Write:
    """A write transaction under the write lock. `revision` is its own; the counters go to disk at COMMIT."""

    link: Connection
    revision: int
    incidents: int  # highest n given out as INC-n
    alerts: int  # alerts ever stored
    topology: int
    changed: int  # alerts that later evidence has moved at least once
    changes: int  # moves of alerts by later evidence
    corrected: int  # moves of alerts by operators
    seen: int = field(init=False)  # the revision before this one

    def __post_init__(self) -> None:
        self.seen = self.revision - 1

    def next_incident_id(self) -> str:
        """`INC-n` with the next n."""
        self.incidents += 1
        return f"INC-{self.incidents}"

    def next_arrival(self) -> int:
        """The place of the next new alert in the order of arrival."""
        self.alerts += 1
        return self.alerts


class Database:
    """Where everything is kept."""

    def __init__(self, url: str, *, wait_s: float = 5.0) -> None:
        """Of a SQLAlchemy URL; `wait_s` is the longest wait for a lock or a connection before `Unavailable`."""
        self.url = url
        self.wait_s = wait_s
        self.engine = _sqlite(url, wait_s) if make_url(url).get_backend_name() == "sqlite" else _server(url, wait_s)
        self._writer = self.engine.execution_options(writes=True)
        self._idle: list[Connection] = []  # of the last writer: getting one costs as much as a short transaction
        self._turn = Lock()  # of this process' writers: SQLite lets those sleep for long who find its own lock taken

    @property
    def is_sqlite(self) -> bool:
        """Whether the file database is used."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look at the store. Raises Unavailable."""
        with translated(), self.engine.connect() as link:
            yield link

    @contextmanager
    def write(self) -> Iterator[Write]:
        """A transaction under the write lock, committed (on disk) on leaving, undone on any exception.

        Raises
        ------
        Unavailable
            If storage is locked, full or away; nothing was written, unless the connection broke during COMMIT.
        InvalidInput
            If storage refuses a value.
        """
        with self._in_turn(), translated(), self._writing() as link:
            self.lock(link)
            row = counted(link)
            tx = Write(link, row.revision + 1, *row[1:])
            yield tx
            now = (tx.revision, tx.incidents, tx.alerts, tx.topology, tx.changed, tx.changes, tx.corrected)
            run(link, _COUNT, now)

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """One writer of this process after the other."""
        if not self._turn.acquire(timeout=self.wait_s):
            raise Unavailable("storage is being written to for long: try again in a few seconds")
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction on the connection of the writer before, if it is free and SQLite's, which cannot break."""
        try:
            link = self._idle.pop()
        except IndexError:
            link = self._writer.connect()
        try:
            with link.begin():
                yield link
        except BaseException:
            link.close()
            raise
        if self.is_sqlite and not self._idle:
            self._idle.append(link)
        else:
            link.close()

    def probe(self) -> None:
        """Take the write lock, write, and undo. Raises Unavailable."""
        with translated(), self._writer.connect() as link:
            self.lock(link)
            link.execute(update(CounterRow).values(revision=CounterRow.revision))
            link.rollback()

    def lock(self, link: Connection) -> None:
        """Take the write lock until the transaction ends; SQLite's was taken by BEGIN IMMEDIATE."""
        if not self.is_sqlite:
            link.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITE_LOCK})

    def integrity(self, link: Connection) -> str:
        """`ok`, or what SQLite finds damaged; of PostgreSQL, which looks after its pages itself, `ok`."""
        if not self.is_sqlite:
            return "ok"
        return str(link.execute(text("PRAGMA integrity_check(1)")).scalar_one())

    def close(self) -> None:
        """Give all connections back."""
        while self._idle:
            self._idle.pop().close()
        self.engine.dispose()


def counted(link: Connection) -> Counters:
    """The counters as they were last committed."""
    return Counters(*run(link, _COUNTERS).fetchone())


def revision_of(link: Connection) -> int:
    """The last committed write transaction's revision."""
    return link.execute(select(CounterRow.revision)).scalar_one()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into the engine's: Unavailable, or InvalidInput where a value is refused."""
    try:
        yield
    except _REFUSED as error:
        raise InvalidInput(f"storage refuses a value ({type(error).__name__})") from error
    except (exc.ProgrammingError, sqlite3.ProgrammingError):  # a mistake in our own SQL stays what it is
        raise
    except sqlite3.Error as error:
        raise _is_away(error) from error
    except exc.StatementError as error:
        raise _in_our_words(error) from error
    except exc.TimeoutError as error:
        raise Unavailable("storage has no free connection: try again in a few seconds") from error


def _in_our_words(error: exc.StatementError) -> Exception:
    """Broken or busy storage is Unavailable; the rest are values that a column type refuses."""
    if isinstance(error, exc.DatabaseError | exc.InterfaceError):
        return _is_away(error.orig)
    return InvalidInput(f"storage refuses a value ({type(error.orig).__name__})")


def _is_away(error: BaseException | None) -> Unavailable:
    reason = str(error).partition("\n")[0]
    return Unavailable(f"storage cannot answer now ({reason}): try again in a few seconds")


def _sqlite(url: str, wait_s: float) -> Engine:
    name = make_url(url).database
    if not name or name == ":memory:":
        raise InvalidInput("database_url must name a file, such as sqlite:////var/lib/pathfinder/pathfinder.db")
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        json_serializer=to_json,
        json_deserializer=orjson.loads,
        pool_size=8,
        max_overflow=24,
        pool_timeout=wait_s,
        connect_args={"timeout": wait_s},
    )

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are opened below, not by the driver
        # The wait comes first: switching to WAL needs a lock that another process may hold at this moment.
        durably = f"synchronous={_SYNCHRONOUS}"
        for pragma in (f"busy_timeout={int(wait_s * 1000)}", "journal_mode=WAL", durably, "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.execute("PRAGMA journal_size_limit=67108864").close()

    def begin(link: Connection) -> None:
        # A transaction that reads first and then writes fails at once when another wrote in between, whatever the
        # busy timeout; so writers take the lock at the start.
        run(link, "BEGIN IMMEDIATE" if link.get_execution_options().get("writes") else "BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _server(url: str, wait_s: float) -> Engine:
    settings = f"-c timezone=utc -c lock_timeout={int(wait_s * 1000)} -c idle_in_transaction_session_timeout=60000"
    return create_engine(
        url,
        json_serializer=to_json,
        json_deserializer=orjson.loads,
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=24,
        pool_timeout=wait_s,
        connect_args={"options": settings, "connect_timeout": max(1, int(wait_s))},
    )

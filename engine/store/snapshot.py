"""Copies of a SQLite database that is in use: whole, at one moment, checked before they get their name.

A copy of the file itself misses what stands in the write-ahead log; this asks SQLite (its online backup).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import make_url

from engine.errors import Conflict, InvalidInput, Unavailable

_PAGES = 2_000  # copied at a time; between them others may write
_PAUSE_S = 0.005


def take(url: str, target: Path) -> int:
    """Copy the database at `url` to the new file `target`, while others use it; returns its size in bytes.

    Raises
    ------
    Conflict
        If `target` is there already.
    InvalidInput
        If `url` is not of a SQLite file: PostgreSQL has pg_dump.
    Unavailable
        If it cannot be read, or there is no room for the copy.
    """
    source = _file_of(url)
    if target.exists():
        raise Conflict("there is a file of that name: a snapshot never takes the place of another")
    if not source.exists():
        raise Unavailable("there is no database at that place")
    return _copied(source, target)


def restore(snapshot: Path, url: str) -> int:
    """Put a snapshot where the database at `url` is to be, for a service that does not run; its size in bytes.

    Raises
    ------
    Conflict
        If there is a database: move it away first.
    InvalidInput
        If `snapshot` is not a whole database, or `url` not of a SQLite file.
    Unavailable
        If there is no room for it.
    """
    target = _file_of(url)
    if target.exists() or target.with_name(f"{target.name}-wal").exists():
        raise Conflict("there is a database at that place: move it away first, with its -wal and -shm")
    if not snapshot.is_file():
        raise InvalidInput("there is no such snapshot")
    target.parent.mkdir(parents=True, exist_ok=True)
    return _copied(snapshot, target)


def _copied(source: Path, target: Path) -> int:
    """Copy under another name, check, sync, and only then give the name."""
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        _copy(source, unfinished)
        unfinished.replace(target)
        _sync(target.parent)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise Unavailable(f"the copy cannot be made ({error})") from error
        raise InvalidInput("that is no whole database") from error
    except OSError as error:
        raise Unavailable(f"the copy cannot be made ({error.strerror})") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(source: Path, target: Path) -> None:
    place = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(place, uri=True, timeout=30)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=_PAGES, sleep=_PAUSE_S)
        new.execute("PRAGMA journal_mode=DELETE").close()
        found = new.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok" or not new.execute("SELECT 1 FROM sqlite_master WHERE name = 'counter'").fetchone():
            raise sqlite3.DatabaseError("not whole")
    with target.open("rb") as written:
        os.fsync(written.fileno())


def _sync(folder: Path) -> None:
    """Make a new name in `folder` outlast a power cut."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _file_of(url: str) -> Path:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise InvalidInput("snapshots are of SQLite files; for PostgreSQL use pg_dump")
    return Path(parsed.database)

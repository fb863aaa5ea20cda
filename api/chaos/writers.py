"""Several processes over one database: what they make of a storm is what one process makes of it.

Each storm is seeded and small; some share a database, hours apart. Its deliveries go to all processes at once; in the
order in which they were committed they are then taken in by one process over another database. Every alert must stand
in the same incident, as often told, as firing; and where the receipts said that it stands.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from pathlib import Path

from api.chaos.storms import TOGETHER, WAYS, sent, storm_of
from engine.domain import Receipt
from engine.errors import Unavailable
from engine.handling.receiving import Delivery
from engine.pathfinder import Pathfinder
from engine.serving import first_usable
from engine.settings import Settings
from engine.store import alerts, deliveries
from engine.store.store import Store

PROCESSES = (1, 2, 4)
_WAIT_S = 60.0  # for an answer of a process
_LONGEST_S = 0.03  # from a delivery to the kill of who takes it
_AGAIN_S = 0.01
_LOADED = "api.loaded"

Taken = list[Receipt] | str  # the receipts, or why nothing was stored
Serve = Callable[[Connection], None]
Places = dict[str, tuple[str, str, int]]  # of each alert: incident, status, how often told again


@dataclass(kw_only=True)
class Found:
    """What became of some storms."""

    storms: int = 0
    acknowledged: int = 0  # alerts, those told again included
    lost: int = 0  # of these, in no incident
    kills: int = 0
    wrong: list[str] = field(default_factory=list)  # storms that went otherwise than by one process, with the alerts


def serve(pipe: Connection) -> None:
    """One engine: opens the databases that it is told to, and takes what it is sent, until the pipe is closed."""
    engine: Pathfinder | None = None
    while True:
        try:
            word = pipe.recv()
        except EOFError:
            return
        if isinstance(word, str):
            if engine is not None:
                engine.close()
            engine = _engine(word)
            pipe.send("open")
        elif engine is not None:
            pipe.send(_taken(engine, word))


def _engine(url: str) -> Pathfinder:
    models, _ = first_usable([], Settings(encoder_enabled=False))
    engine = Pathfinder(Store(url, wait_s=_WAIT_S), models)
    engine.start()
    return engine


def _taken(engine: Pathfinder, delivery: Delivery) -> Taken:
    try:
        return engine.take([delivery])[0]
    except Unavailable as error:
        return str(error)


class Writer:
    """One process that takes deliveries in, one at a time."""

    def __init__(self, work: Serve) -> None:
        """Started; it does `work`, which is `serve` but in controls."""
        context = get_context("forkserver")
        context.set_forkserver_preload([__name__, _LOADED])
        self.pipe, far = context.Pipe()
        self._process = context.Process(target=work, args=(far,), daemon=True)
        self._process.start()
        far.close()
        self.sent: Delivery | None = None  # and not answered

    def open(self, url: str) -> None:
        """Serve the database at `url`."""
        self.pipe.send(url)

    def opened(self) -> None:
        """Wait until it does."""
        if not self.pipe.poll(_WAIT_S):
            raise Unavailable("a process does not start")
        self.pipe.recv()

    def take(self, delivery: Delivery) -> None:
        """Send it a delivery; what became of it comes through the pipe."""
        self.sent = delivery
        self.pipe.send(delivery)

    def answer(self) -> Taken | None:
        """What became of the delivery; None where it died over it."""
        try:
            return self.pipe.recv()  # type: ignore[no-any-return]
        except (EOFError, ConnectionResetError):
            return None

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """Kill it, and forget its pipe."""
        self.kill()
        self.pipe.close()


class Crew:
    """Some writers, used for one storm after the other."""

    def __init__(self, count: int, work: Serve = serve) -> None:
        """So many of them."""
        self.count = count
        self._work = work
        self._writers = [Writer(work) for _ in range(count)]
        self._url = ""
        self.kills = 0

    def close(self) -> None:
        """End them."""
        for writer in self._writers:
            writer.close()

    def open(self, url: str) -> None:
        """All serve the database at `url` from now on."""
        self._url = url
        for writer in self._writers:
            writer.open(url)
        for writer in self._writers:
            writer.opened()

    def take(self, storm: Sequence[Delivery], chance: random.Random, *, kill: bool) -> list[Receipt]:
        """Take a `storm`, all at once, each delivery sent until it is taken; all receipts.

        Where `kill`, one of them is killed over some delivery, and another one takes its place.
        """
        left, receipts = deque(storm), []
        fatal = chance.randrange(len(storm)) if kill else -1
        while left or any(writer.sent for writer in self._writers):
            for place, writer in enumerate(self._writers):
                if writer.sent is None and left:
                    writer.take(left.popleft())
                    if len(storm) - len(left) - 1 == fatal:
                        time.sleep(chance.uniform(0.0, _LONGEST_S))
                        self._replace(place)
            receipts += self._answers()
        return receipts

    def _answers(self) -> list[Receipt]:
        busy = {writer.pipe: writer for writer in self._writers if writer.sent}
        ready = wait(list(busy), _WAIT_S)
        if not ready:
            raise Unavailable("no process answers")
        found: list[Receipt] = []
        for pipe in ready:
            writer = busy[pipe]  # type: ignore[index]
            taken, delivery, writer.sent = writer.answer(), writer.sent, None
            if isinstance(taken, list):
                found += taken
            elif taken is None:
                raise Unavailable("a process has ended by itself")
            elif delivery is not None:
                time.sleep(_AGAIN_S)
                writer.take(delivery)
        return found

    def _replace(self, place: int) -> None:
        """Kill one under way; its successor is sent what was not answered."""
        dead = self._writers[place]
        dead.kill()
        self.kills += 1
        self._writers[place] = writer = Writer(self._work)
        writer.open(self._url)
        writer.opened()
        if dead.sent:
            writer.take(dead.sent)
        dead.pipe.close()


def run(folder: Path, storms: int, seed: int, processes: Sequence[int] = PROCESSES, work: Serve = serve) -> Found:
    """So many storms by each number of `processes` in each of the `WAYS`, with databases in `folder`."""
    found, template = Found(), folder / "template.db"
    with closing(Store(_url(template))) as store:
        store.migrate()
    for count in processes:
        crew = Crew(count, work)
        try:
            for way in WAYS:
                for first in range(seed, seed + storms, TOGETHER):
                    _together(found, crew, way, range(first, min(first + TOGETHER, seed + storms)), template)
        finally:
            found.kills += crew.kills
            crew.close()
    return found


def _together(found: Found, crew: Crew, way: str, seeds: Sequence[int], template: Path) -> None:
    """Some storms over one database, and by one process over another."""
    several, one = _copy(template, "several"), _copy(template, "one")
    crew.open(several)
    with closing(_engine(one)) as engine:
        for seed in seeds:
            name = f"{seed} {way} to {crew.count}"
            chance = random.Random(name)
            storm = sent(storm_of(seed), way, chance)
            receipts = crew.take(storm, chance, kill=way == "kill")
            engine.take(_committed(several, storm))
            _compare(found, name, receipts, _places(several), _places(one))


def _compare(found: Found, name: str, receipts: Sequence[Receipt], several: Places, one: Places) -> None:
    found.storms += 1
    found.acknowledged += len(receipts)
    found.lost += sum(each.alert_id not in several for each in receipts)
    other = sum(one.get(key) != several.get(key) for key in one.keys() | several.keys())
    elsewhere = sum(several.get(each.alert_id, ("",))[0] != each.incident_id for each in receipts)
    if other or elsewhere:
        found.wrong.append(f"{name}: {other} of {len(one)} alerts, {elsewhere} of {len(receipts)} receipts")


def _committed(url: str, storm: Sequence[Delivery]) -> list[Delivery]:
    """The deliveries of a storm, each once, in the order in which they were committed."""
    by_name = {one.id: one for one in storm}
    with closing(Store(url)) as store, store.read() as link:
        return [by_name[name] for name in deliveries.in_order(link) if name in by_name]


def _places(url: str) -> Places:
    with closing(Store(url)) as store, store.read() as link:
        return alerts.places(link)


def _copy(template: Path, name: str) -> str:
    """A database of its own, without tables' contents."""
    file = template.with_name(f"{name}.db")
    for left in template.parent.glob(f"{name}.db*"):
        left.unlink()
    file.write_bytes(template.read_bytes())
    return _url(file)


def _url(file: Path) -> str:
    return f"sqlite:///{file}"

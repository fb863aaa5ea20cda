"""One retrain: read, split by time, fit, judge, gate, refit, write a version, move the pointer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version as library_version

from engine import bundle, serving
from engine.clock import to_text
from engine.correlate import Correlator
from engine.domain import ModelPart
from engine.errors import InvalidInput, ModelUnusable
from engine.patterns import PatternFinder
from engine.route import Router
from engine.settings import Settings
from engine.store import pointer, reference
from engine.store.store import Store
from engine.suggest import Encoder, Fusion, Recommender
from training import archive, pairs
from training.archive import Snapshot
from training.evaluate import (
    Verdict,
    halves,
    judge_correlate,
    judge_patterns,
    judge_route,
    judge_suggest,
)
from training.progress import Track
from training.suggest import fit_fusion, judge

_LIBRARIES = ("numpy", "scikit-learn", "scipy", "sentence-transformers")
_TAUGHT = 0.5  # share of the time from whose repeats the fusion learns
_PAIRS = 50  # queries with an earlier twin from which on the fusion is fitted to the firm


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a retrain did."""

    version: str
    promoted: list[str]  # parts fitted anew; the others stay as they served
    verdicts: list[Verdict]
    patterns: int


def evaluate(store: Store, settings: Settings, until: datetime, progress: Track) -> list[Verdict]:
    """Judge what a retrain on the data before `until` would give; nothing is changed."""
    with store.read() as link:
        active = pointer.active(link).version
    jury = Jury(archive.read(store, until), _parts(active, settings), _encoder(store, settings), settings.timezone)
    return [judge() for judge in progress(jury.judges(), "judge")]


def retrain(store: Store, settings: Settings, until: datetime, progress: Track, *, force: bool = False) -> Outcome:
    """Fit each part on the data before `until`; what passes is promoted, what does not stays as it serves.

    With `force`, parts that have too little to be judged by, or do not pass, are promoted as well.

    Raises
    ------
    InvalidInput
        If the store holds nothing to learn from.
    Conflict
        If another version was put in service meanwhile.
    """
    data = archive.read(store, until)
    if not data.incidents and not data.alerts and not data.series:
        raise InvalidInput("the store is empty: import incidents or send alerts first")
    with store.read() as link:
        before = pointer.active(link).version
    parts = _parts(before, settings)
    jury = Jury(data, parts, _encoder(store, settings), settings.timezone)
    verdicts = [judge() for judge in progress(jury.judges(), "judge")]
    chosen = {one.part for one in verdicts if one.passes or force}
    for part, fit in progress(jury.fits(), "fit"):
        if part in chosen and (fitted := fit(data)):
            parts[part] = fitted
    finder = PatternFinder(timezone=settings.timezone)
    patterns = [*finder.find(data.series), *finder.find_events(data.events)]
    version = f"{until:%Y%m%d-%H%M%S}"
    facts = {"until": to_text(until), "verdicts": [asdict(one) for one in verdicts], "libraries": _libraries()}
    bundle.save(bundle.Bundle(version=version, parts=parts, facts=facts), settings.models_dir)
    with store.write() as tx:
        reference.replace_patterns(tx, patterns)
        pointer.move(tx, version, expected=before)
    return Outcome(version=version, promoted=sorted(chosen & set(parts)), verdicts=verdicts, patterns=len(patterns))


class Jury:
    """Fits each part on the earlier time, and asks candidate, serving part and baseline about the later one."""

    def __init__(
        self, data: Snapshot, serving_parts: Mapping[str, ModelPart], encoder: Encoder | None, zone: str
    ) -> None:
        self.data = data
        self.halves = halves(data)
        self.serving = serving_parts
        self.encoder = encoder
        self.zone = zone

    def judges(self) -> list[Callable[[], Verdict]]:
        """One judgement per part, not yet made."""
        return [self.correlate, self.suggest, self.route, self.patterns]

    def fits(self) -> list[tuple[str, Callable[[Snapshot], ModelPart | None]]]:
        """How each part that is kept in a bundle is fitted to a snapshot; None where there is too little to learn."""
        return [
            (serving.CORRELATE, lambda data: _correlator(data).to_part()),
            (serving.SUGGEST, lambda data: self._recommender(data).to_part()),
            (serving.ROUTE, lambda data: Router().fit(data.incidents).to_part()),
        ]

    def correlate(self) -> Verdict:
        """Grouping."""
        past = self.halves.past
        part = self.serving.get(serving.CORRELATE)
        now = Correlator.from_part(part, past.edges) if part else Correlator(topology=past.edges)
        return judge_correlate(self.halves, _correlator(past), now)

    def suggest(self) -> Verdict:
        """Past fixes."""
        past = self.halves.past
        part = self.serving.get(serving.SUGGEST)
        now = Recommender.from_part(part, self.encoder) if part else Recommender(encoder=self.encoder)
        return judge_suggest(self.halves, self._recommender(past), now.fit(past.incidents))

    def route(self) -> Verdict:
        """People."""
        past = self.halves.past
        part = self.serving.get(serving.ROUTE)
        candidate = Router().fit(past.incidents)
        now = Router.from_part(part) if part else Router()
        return judge_route(self.halves, candidate, now.fit(past.incidents))

    def patterns(self) -> Verdict:
        """Recurring load."""
        return judge_patterns(self.halves, self.data.series, self.zone)

    def _recommender(self, data: Snapshot) -> Recommender:
        """One whose fusion is fitted to the firm's own repeats, where there are enough of them.

        Repeats are incidents ended by the same fix, those for which somebody said that a past fix helped, and those
        that people merged or called duplicates.
        """
        shipped = Recommender(encoder=self.encoder)
        told = pairs.lessons(halves(data, _TAUGHT), data)
        if len(told.asked) < _PAIRS:
            return shipped.fit(data.incidents)
        judged = judge(shipped.fit(told.history), told.asked, told.relevant)
        fusion = fit_fusion(pairs.timed(judged, told.asked, told.timeless), prior=Fusion.shipped())
        return Recommender(encoder=self.encoder, fusion=fusion).fit(data.incidents)


def _correlator(data: Snapshot) -> Correlator:
    return Correlator(topology=data.edges).fit(data.alerts, data.incident_ids)


def _parts(version: str, settings: Settings) -> dict[str, ModelPart]:
    try:
        return dict(bundle.load(version, settings.models_dir).parts) if version else {}
    except ModelUnusable:
        return {}  # what cannot be served cannot be what the candidate has to beat


def _encoder(store: Store, settings: Settings) -> Encoder | None:
    return Encoder(settings.encoder, cache=store.embeddings) if settings.encoder_enabled else None


def _libraries() -> dict[str, str]:
    return {name: library_version(name) for name in _LIBRARIES}

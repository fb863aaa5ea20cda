"""Evidence of identity: fields, labels, things, words, topology, company."""

from __future__ import annotations

from engine.correlate.case import CAP, Case, Parts
from engine.correlate.question import rarest


class Same:
    """The same value in one field, by how rare it is; other values count against, by how pure incidents are in it."""

    def __init__(self, field: str) -> None:
        self.name = field
        self.agrees, self.differs = f"{field}.agrees", f"{field}.differs"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        nats = case.field_nats.get(self.name)
        if nats is None:
            return []
        return [(self.agrees, nats)] if nats > 0.0 else [(self.differs, nats)]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        value = next((value for name, value in case.reading.fields if name == self.name), "")
        inside = case.profile.inside.get(self.name, {}).get(value, 0)
        if inside:
            return f"same {self.name} {value}"
        return f"other {self.name} than the incident's" if self.name in case.profile.among else ""


class Labels:
    """The label that speaks most for belonging, and the one that speaks most against."""

    name = "labels"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        best, worst = _extremes(case)
        return [("labels.agrees", best[0]), ("labels.differs", worst[0])]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        best, worst = _extremes(case)
        said = [f"same {best[1]}"] if best[1] else []
        return ", ".join([*said, *([f"other {worst[1]}"] if worst[1] else [])])


class Things:
    """A named thing in common, whatever field names it: one alert's host is another's instance or peer."""

    name = "things"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        if not case.thing[1]:
            return [("things.none", 1.0)] if case.reading.things and case.profile.things else []
        return [("things.shared", case.thing[0])]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return f"both name {case.thing[1]}" if case.thing[1] else "no thing in common"


class Mention:
    """One names in its title what the other is about."""

    name = "mention"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        return [("mention", case.mention[0])] if case.mention[1] else []

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        return f"titles speak of {case.mention[1]}" if case.mention[1] else ""


class Words:
    """The rarest word that the titles share."""

    name = "words"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        return [("words.shared", self._rarest(case)[0])]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        word = self._rarest(case)[1]
        return f'titles share "{word}"' if word else ""

    @staticmethod
    def _rarest(case: Case) -> tuple[float, str]:
        question, profile = case.question, case.profile
        nats, word = rarest(question.reading.words, question.word_shares, profile.words, len(profile.members))
        return min(CAP, nats), word


class Hops:
    """Closeness in the topology, by how surprising it is, and which way the fault would flow."""

    name = "topology"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        if case.near is None:
            return [("topology.far", 1.0)] if _both_known(case) else []
        near = case.near[2]
        if near.hops == 0:
            return []
        return [(f"topology.{near.hops}", near.surprise), (f"topology.{near.direction}", 1.0)]

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        if case.near is None:
            return "far apart in the topology"
        _, other, near = case.near
        way = {"down": "upstream of", "up": "downstream of"}.get(near.direction, "from")
        return f"{near.hops} hop{'s' if near.hops > 1 else ''} {way} {other}" if near.hops else ""


class Company:
    """How often such alerts shared a past incident: the exact pair, what they are about, what is wrong."""

    name = "together"

    def parts(self, case: Case) -> Parts:
        """Its measurements: see the class."""
        found: Parts = []
        for level, nats, _ in _company(case):
            found.append((f"together.{level}", nats) if nats > 0.0 else (f"together.{level}.not", nats))
        return found

    def detail(self, case: Case) -> str:
        """In words, for a person."""
        said = max(_company(case), key=lambda found: found[1], default=None)
        if said is None or said[1] <= 0.0:
            return ""
        both, past = case.question.world.together[said[0]].support(case.reading.kinds[said[0]], said[2])
        return f"seen together in {both} of {past} past incidents"


def _both_known(case: Case) -> bool:
    known = case.question.world.topology.near
    if not case.question.nodes:
        return False
    return any(name in known for names in (case.profile.things, case.profile.words) for name in names)


def _extremes(case: Case) -> tuple[tuple[float, str], tuple[float, str]]:
    best, worst = (0.0, ""), (0.0, "")
    for name, value in case.reading.fields:
        nats = case.field_nats.get(name)
        if nats is None or not name.startswith("label."):
            continue
        if nats > best[0]:
            best = (nats, f"{name[6:]} {value}")
        if nats < worst[0]:
            worst = (nats, name[6:])
    return best, worst


def _company(case: Case) -> list[tuple[str, float, str]]:
    found = []
    for level, kind in case.reading.kinds.items():
        nats, which = case.question.world.together[level].lift(kind, case.profile.kinds[level])
        if which:
            found.append((level, max(-CAP, min(CAP, nats)), which))
    return found

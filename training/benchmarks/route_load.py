"""What looking at load costs: incidents given out by skill alone, and with the roster's costs, over the same weeks."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.domain import Incident, Responder, Work
from engine.route import Policy, Roster, Router
from training.benchmarks.report import Row
from training.benchmarks.route_data import Case
from training.route import replay

_OPEN = timedelta(hours=8)  # how long somebody has an incident on hand
_ASKED, _QUICK_ASKED = 1200, 200  # questions in a row: thinned out, nobody would have much on hand
_FULL = 100  # incidents on hand: more than anybody of the log ever had
_COST = 10.0  # log-odds at `_FULL`: a tenth for every incident on hand
_WIDE = Policy(most_pages_day=10**6, most_pages_week=10**6, fair_share=1.0, tired_cost=0.0, load_cost=(0, 0, 0, 0))
_COSTLY = replace(_WIDE, load_cost=(0.0, _COST, _COST, _COST))


def shared_out(case: Case, *, quick: bool = False) -> list[Row]:
    """Peak load of one person, and accuracy, without and with the costs of load, over the first questions in a row."""
    desks = [_Given("by skill alone", _WIDE), _Given("load-aware", _COSTLY)]
    case = replace(case, queries=case.queries[: _QUICK_ASKED if quick else _ASKED])
    for place, router in replay(case.history, case.queries, case.target):
        for desk in desks:
            desk.give(router, replace(case.queries[place], priority="3"), case.truth(case.queries[place]))
    return [desk.row(case) for desk in desks]


@dataclass
class _Given:
    """Incidents given out under one policy: to whom, when, and how often that was right."""

    name: str
    policy: Policy
    given: deque[tuple[datetime, str]] = field(default_factory=deque)
    peak: int = 0
    first: int = 0
    near: int = 0

    def give(self, router: Router, query: Incident, truth: str) -> None:
        """One more."""
        while self.given and self.given[0][0] <= query.opened_at - timedelta(days=1):
            self.given.popleft()
        names = _first_three(router, query, self.given, self.policy)
        self.first += names[:1] == [truth]
        self.near += truth in names
        self.given.append((query.opened_at, names[0]))
        now = Counter(who for at, who in self.given if at > query.opened_at - _OPEN)
        self.peak = max(self.peak, *now.values())

    def row(self, case: Case) -> Row:
        """What came of it."""
        asked = len(case.queries)
        metrics = {"acc@1": self.first / asked, "acc@3": self.near / asked, "peak load": float(self.peak)}
        return Row(dataset=f"{case.name}: sharing out", method=self.name, metrics=metrics)


def _first_three(router: Router, query: Incident, given: deque[tuple[datetime, str]], policy: Policy) -> list[str]:
    day = Counter(who for _, who in given)
    held = Counter(who for at, who in given if at > query.opened_at - _OPEN)
    staff = [
        Responder(id=who, workdays=tuple(range(7)), work_starts=_MIDNIGHT, work_ends=_MIDNIGHT, max_open=_FULL)
        for who in router.expertise.memory_.people
    ]
    work = {who: Work(open=held[who], pages_day=day[who], pages_week=day[who]) for who in day}
    routing = router.predict_one(query, roster=Roster(staff, work, policy), top=3)
    return [one.responder for one in routing.candidates]


_MIDNIGHT = datetime.min.time()

"""What looking at load costs: incidents given out by skill alone, and with the roster's costs, over the same weeks."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import replace
from datetime import datetime, timedelta

from engine.domain import Incident, Responder, Work
from engine.route import Policy, Roster, Router
from training.benchmarks.report import Row
from training.benchmarks.route_data import Case
from training.route import replay

_OPEN = timedelta(hours=8)  # how long somebody has an incident on hand
_WIDE = Policy(most_pages_day=10**6, most_pages_week=10**6, fair_share=1.0, tired_cost=0.0, load_cost=(0, 0, 0, 0))
_COSTLY = replace(_WIDE, load_cost=(0.0, 1.0, 1.5, 1.5), tired_cost=1.0, most_pages_day=20)


def shared_out(case: Case) -> list[Row]:
    """Peak load of one person, and accuracy, without and with the costs of load."""
    return [_given_out(case, name, policy) for name, policy in (("by skill alone", _WIDE), ("load-aware", _COSTLY))]


def _given_out(case: Case, name: str, policy: Policy) -> Row:
    given: deque[tuple[datetime, str]] = deque()
    peak, hits, near = 0, 0, 0
    for place, router in replay(case.history, case.queries, case.target):
        query = replace(case.queries[place], priority="3")
        while given and given[0][0] <= query.opened_at - timedelta(days=1):
            given.popleft()
        names = _first_three(router, query, given, policy)
        hits += names[:1] == [case.truth(query)]
        near += case.truth(query) in names
        given.append((query.opened_at, names[0]))
        now = Counter(who for at, who in given if at > query.opened_at - _OPEN)
        peak = max(peak, *now.values())
    asked = len(case.queries)
    metrics = {"acc@1": hits / asked, "acc@3": near / asked, "peak load": float(peak)}
    return Row(dataset=f"{case.name}: sharing out", method=name, metrics=metrics)


def _first_three(router: Router, query: Incident, given: deque[tuple[datetime, str]], policy: Policy) -> list[str]:
    day = Counter(who for _, who in given)
    held = Counter(who for at, who in given if at > query.opened_at - _OPEN)
    staff = [
        Responder(id=who, workdays=tuple(range(7)), work_starts=_MIDNIGHT, work_ends=_MIDNIGHT, max_open=10)
        for who in router.expertise.memory_.people
    ]
    work = {who: Work(open=held[who], pages_day=day[who], pages_week=day[who]) for who in day}
    routing = router.predict_one(query, roster=Roster(staff, work, policy), top=3)
    return [one.responder for one in routing.candidates]


_MIDNIGHT = datetime.min.time()

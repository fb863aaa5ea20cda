"""How the weights that PathFinder comes with were fitted: `python -m training.suggest_weights ../shared`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from engine.errors import InvalidInput
from engine.settings import Settings
from engine.suggest import Encoder, Fusion, Recommender
from engine.suggest.gate import Gate
from engine.suggest.signals import COLUMNS
from training.benchmarks.suggest_data import Case, firm_case, issue_case, strangers
from training.progress import track
from training.suggest import encoder_of, fit_fusion, judge
from training.suggest_desks import STYLES, desk_case
from training.suggest_gate import Judged

_FIRMS = (11, 12, 13)  # seeds apart from those that are measured
_DESK = 21  # likewise
_DESK_QUESTIONS = 16  # of each desk, and as many that are new to it: desks together weigh half of what issues do
_ENCODED = 4  # one question in so many is asked with an encoder too
# Set by hand: no data at hand tells which alerts belonged to a past incident.
_GIVEN = {"symptoms": 2.5}
_LABELS = ("service_", "category_", "priority_", "labels_", "teller_")  # beginnings of the columns of a ticket's fields
_FURTHER = ("labels_", "teller_")
_EMPTY = Gate(full={}, lexical={}, shown_from={"full": 0.5, "lexical": 0.5})
_WEIGHTS = Path(__file__).resolve().parent.parent / "engine" / "suggest" / "weights.json"


def fit(shared: Path) -> Fusion:
    """Weights from the earlier 80 % of the issues, told with and without their fields, a few seeded firms and desks.

    Those for answers with an encoder begin with the ones there are, to which every question with all candidates encoded
    was asked once, and learn from every fourth one, of whose candidates among issues those are encoded that an answer
    would look at closer.

    Raises
    ------
    InvalidInput
        If the issues are not below `shared`.
    """
    issues = issue_case(shared, "train")
    if issues is None:
        raise InvalidInput("the issues are not below the folder given: name the one that holds datasets/")
    spoken = fit_fusion(_told(issues, None, 1), Fusion(full=_GIVEN, lexical=_GIVEN, gate=_EMPTY))
    encoder = encoder_of(Settings())
    if encoder is None:
        return spoken
    before = Fusion.shipped()
    start = replace(spoken, full=before.full, gate=replace(spoken.gate, full=before.gate.full))
    meant = fit_fusion(_told(issues, encoder, _ENCODED), start)
    shown_from = {"full": meant.gate.shown_from["full"], "lexical": spoken.gate.shown_from["lexical"]}
    gate = Gate(full=meant.gate.full, lexical=spoken.gate.lexical, shown_from=shown_from)
    return Fusion(full=meant.full, lexical=spoken.lexical, gate=gate)


def _told(issues: Case, encoder: Encoder | None, every: int) -> list[Judged]:
    """One in `every` of the questions of firms, desks and `issues`, weighed."""
    firms = [case.thinned(-(-len(case.queries) // every)) for case in map(firm_case, _FIRMS)]
    desks = [case.thinned(-(-_DESK_QUESTIONS // every)) for case in _desks()]
    told = [group for case in (*firms, *desks) for group in _judged(case, encoder, 0)]
    asked = issues.thinned(-(-len(issues.queries) // every))
    return told + blinded(_judged(asked, encoder, len(asked.queries)))


def _desks() -> Iterator[Case]:
    """One of every style, asked for the same kind of fault anywhere, and for that in the same application."""
    for style in STYLES:
        for by_place in (False, True):
            yield desk_case(_DESK, style, by_place=by_place)


def blinded(judged: Sequence[Judged]) -> list[Judged]:
    """The same, every second one as it is, and of the others every second without further or without any fields.

    Firms differ in which fields their tickets have: weights must do without them as well.
    """
    hidden = ((), _FURTHER, (), _LABELS)
    return [_without(group, hidden[place % len(hidden)]) for place, group in enumerate(judged)]


def _without(group: Judged, beginnings: tuple[str, ...]) -> Judged:
    places = [place for place, name in enumerate(COLUMNS) if name.startswith(beginnings)] if beginnings else []
    columns, without = group.columns.copy(), None if group.without is None else group.without.copy()
    columns[:, places] = 0
    if without is not None:
        without[:, places] = 0
    return replace(group, columns=columns, without=without)


def _judged(case: Case, encoder: Encoder | None, unlinked: int) -> list[Judged]:
    """Its queries, and what is new to it: incidents of new kinds, or up to `unlinked` ones that nobody linked.

    Of a firm, incidents that nobody linked are repeats of the same false alarms.
    """
    recommender = Recommender(encoder=encoder, topology=case.edges).fit(case.history)
    asked = [*case.queries, *(strangers(case, unlinked) if unlinked else case.new)]
    for _ in track(recommender.warming_for(asked) if unlinked else recommender.warming(), case.name, len(asked)):
        pass
    return judge(recommender, asked, case.relevant, track)


def main() -> None:
    """Fit and write the weights."""
    part = fit(Path(sys.argv[1])).to_part()
    _WEIGHTS.write_text(json.dumps(dict(part.data), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

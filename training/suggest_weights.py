"""How the weights that PathFinder comes with were fitted: `python -m training.suggest_weights ../shared`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from engine.errors import InvalidInput
from engine.settings import Settings
from engine.suggest import Encoder, Fusion, Recommender
from training.benchmarks.suggest_data import Case, firm_case, issue_case, strangers
from training.progress import track
from training.suggest import Judged, encoder_of, fit_fusion, judge

_FIRMS = (11, 12, 13, 14)  # seeds apart from those that are measured
_GIVEN = {"symptoms": 2.5}  # set by hand: neither kind of data tells which alerts belonged to a past incident
_WEIGHTS = Path(__file__).resolve().parent.parent / "engine" / "suggest" / "weights.json"


def fit(shared: Path) -> Fusion:
    """Weights from the earlier 80 % of the issues, told with and without their labels, and from a few seeded firms.

    Raises
    ------
    InvalidInput
        If the issues are not below `shared`.
    """
    cases = [firm_case(seed) for seed in _FIRMS]
    for labels in (True, False):
        issues = issue_case(shared, "train", labels=labels)
        if issues is None:
            raise InvalidInput("the issues are not below the folder given: name the one that holds datasets/")
        cases.append(issues)
    encoder = encoder_of(Settings())
    return fit_fusion(
        [group for case in cases for group in _judged(case, encoder)], Fusion(full=_GIVEN, lexical=_GIVEN)
    )


def _judged(case: Case, encoder: Encoder | None) -> list[Judged]:
    recommender = Recommender(encoder=encoder).fit(case.history)
    for _ in track(recommender.warming(), f"{case.name}: encode", recommender.steps_to_warm()):
        pass
    asked = [*case.queries, *strangers(case, len(case.queries))]
    return judge(recommender, asked, case.relevant, track)


def main() -> None:
    """Fit and write the weights."""
    part = fit(Path(sys.argv[1])).to_part()
    _WEIGHTS.write_text(json.dumps(dict(part.data), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

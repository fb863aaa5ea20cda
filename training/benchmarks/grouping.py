"""How right a grouping is: B-cubed, pairwise and adjusted Rand measures against the true incidents."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence


def bcubed(truth: Sequence[Hashable], groups: Sequence[Hashable]) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1 (Bagga and Baldwin 1998), each 0..1, every alert counting alike.

    Examples
    --------
    >>> bcubed(["a", "a", "b", "b"], [1, 1, 1, 1])
    (0.5, 1.0, 0.6666666666666666)
    """
    both, true_sizes, sizes = Counter(zip(truth, groups, strict=True)), Counter(truth), Counter(groups)
    precision = sum(n * n / sizes[group] for (_, group), n in both.items()) / max(1, len(truth))
    recall = sum(n * n / true_sizes[name] for (name, _), n in both.items()) / max(1, len(truth))
    return precision, recall, _f1(precision, recall)


def macro_bcubed(
    truth: Sequence[Hashable], groups: Sequence[Hashable], ignored: frozenset[Hashable] = frozenset()
) -> tuple[float, float, float]:
    """B-cubed precision and recall averaged within each true incident, then over incidents; `ignored` ones count
    as company in a group, but are not averaged over."""
    both, true_sizes, sizes = Counter(zip(truth, groups, strict=True)), Counter(truth), Counter(groups)
    precision: dict[Hashable, float] = defaultdict(float)
    recall: dict[Hashable, float] = defaultdict(float)
    for (name, group), n in both.items():
        precision[name] += n * n / sizes[group] / true_sizes[name]
        recall[name] += n * n / true_sizes[name] / true_sizes[name]
    names = [name for name in true_sizes if name not in ignored]
    mean_p = sum(precision[name] for name in names) / max(1, len(names))
    mean_r = sum(recall[name] for name in names) / max(1, len(names))
    return mean_p, mean_r, _f1(mean_p, mean_r)


def pairwise(truth: Sequence[Hashable], groups: Sequence[Hashable]) -> float:
    """F1 over pairs of alerts that share a group, 0..1."""
    both = _pairs(Counter(zip(truth, groups, strict=True)))
    return _f1(both / max(1.0, _pairs(Counter(groups))), both / max(1.0, _pairs(Counter(truth))))


def pair_errors(truth: Sequence[Hashable], groups: Sequence[Hashable]) -> int:
    """Pairs of alerts that are together and should not be, or should be and are not.

    Examples
    --------
    >>> pair_errors(["a", "a", "b"], [1, 2, 2])
    2
    """
    both = _pairs(Counter(zip(truth, groups, strict=True)))
    return round(_pairs(Counter(groups)) + _pairs(Counter(truth)) - 2 * both)


def adjusted_rand(truth: Sequence[Hashable], groups: Sequence[Hashable]) -> float:
    """Rand index adjusted for chance (Hubert and Arabie 1985): 1 is equal, 0 is chance."""
    both = _pairs(Counter(zip(truth, groups, strict=True)))
    true, found, all_pairs = _pairs(Counter(truth)), _pairs(Counter(groups)), _pairs(Counter([0] * len(truth)))
    chance = true * found / max(1.0, all_pairs)
    span = (true + found) / 2 - chance
    return (both - chance) / span if span else 1.0


def metrics(truth: Sequence[Hashable], groups: Sequence[Hashable]) -> dict[str, float]:
    """All measures under the names of the result tables."""
    precision, recall, f1 = bcubed(truth, groups)
    return {
        "bcubed_p": precision,
        "bcubed_r": recall,
        "bcubed_f1": f1,
        "pair_f1": pairwise(truth, groups),
        "ari": adjusted_rand(truth, groups),
        "groups_ratio": len(set(groups)) / max(1, len(set(truth))),
    }


def _pairs(sizes: Counter[Hashable]) -> float:
    return sum(n * (n - 1) / 2 for n in sizes.values())


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

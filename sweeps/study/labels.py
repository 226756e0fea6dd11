"""Labels of arms, factors and levels in reports: duplicates are refused in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from sspo.errors import UserError
from sweeps.study.spec import Study


def check_labels(study: Study) -> None:
    """Raise UserError for the first two entries of one kind that share a label."""
    found = _twins({name: factor.label for name, factor in study.factors.items()})
    if found is not None:
        raise UserError(f"factors {_sentence(*found)}; give one of them a different label")
    for name, factor in study.factors.items():
        found = _twins({level: own.label for level, own in factor.levels.items()})
        if found is not None:
            raise UserError(f"factors.{name}: levels {_sentence(*found)}; give one of them a different label")
    found = _twins({name: arm.label for name, arm in study.arms.items()})
    if found is not None:
        first, second, label = found
        raise UserError(f"arms {_sentence(first, second, label)}; {_remedy(study, first, second)}")


def _twins(labels: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return two names with the same label, and the label; an empty label counts as the name."""
    owner: dict[str, str] = {}
    for name, given in labels.items():
        label = " ".join(given.split()) or name
        if label in owner:
            return owner[label], name, label
        owner[label] = name
    return None


def _sentence(first: str, second: str, label: str) -> str:
    return f"{first} and {second} are both labeled '{label}', so reports could not distinguish them"


def _remedy(study: Study, first: str, second: str) -> str:
    """Return the remedy: a factor to add to the design's label if it made both arms, else a different label."""
    if first in study.points and second in study.points:
        one, other = study.points[first], study.points[second]
        apart = [name for name in study.factors if one.get(name) != other.get(name)]
        return f"put {' and '.join(f'{{{name}}}' for name in apart)}, in which they differ, into design.label"
    return "give one of them a different label"

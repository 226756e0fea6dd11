"""The series in the charts of a study."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence
from analysis.figures.model import Series
from analysis.figures.style import looks


def arm_series(evidence: Evidence) -> dict[str, Series]:
    """Return every trained arm's place and style, the same in every chart."""
    style = looks(evidence.study)
    trained = [a for a in evidence.study.with_role("arm", "no_clip", "aa") if evidence.counted(a)]
    return {arm.name: Series(i, arm.label, style[arm.name]) for i, arm in enumerate(trained)}

"""Whether clip fractions are part of a study's design."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence


def matched(evidence: Evidence) -> bool:
    """Return whether every arm was matched to a clip fraction, so that figures of clipping show the design."""
    arms = evidence.study.with_role("arm")
    return bool(arms) and all(arm.target_clip_frac is not None for arm in arms)

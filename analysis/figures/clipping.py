"""How the arms of a study came to clip as much as they do."""

from __future__ import annotations

from analysis.evidence.evidence import Evidence


def matched(evidence: Evidence) -> bool:
    """Whether every arm was matched to a clip fraction, so that figures of clipping show the design."""
    arms = evidence.study.with_role("arm")
    return bool(arms) and all(arm.target_clip_frac is not None for arm in arms)

"""Facts below the answer: what was run, how its runs were scored, and which gates hold."""

from __future__ import annotations

from collections import Counter

from analysis.checks.gates import FAIL, OPEN, PASS, UNTESTABLE, check_gates
from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import tuning_of
from analysis.evidence.tuning_words import budget_text, progress, seeds_text
from analysis.inference.collapses import collapses
from analysis.inference.rule import rule_of
from analysis.logs.run_folders import COUNTED


def gates_fact(evidence: Evidence) -> str:
    """Return `9 of 10 gates pass, open: A/A agrees`; the ten exclude those that cannot be tested."""
    gates = check_gates(evidence)
    held = Counter(gate.verdict for gate in gates)
    tested = held[PASS] + held[FAIL] + held[OPEN]
    others = [
        f"{word}: {', '.join(gate.name for gate in gates if gate.verdict == verdict)}"
        for verdict, word in ((FAIL, "failed"), (OPEN, "open"))
        if held[verdict]
    ]
    others += [f"{held[UNTESTABLE]} {UNTESTABLE}"] if held[UNTESTABLE] else []
    return ", ".join([f"{held[PASS]} of {tested} gates pass" if tested else "no gate can be tested", *others])


def runs_fact(evidence: Evidence) -> str:
    """Return `96 of 97 runs ended`."""
    ended = int(evidence.runs["status"].isin(COUNTED).sum())
    return f"{ended} of {len(evidence.runs)} runs ended"


def collapse_fact(evidence: Evidence) -> str:
    """Return how many runs of the clipping arms collapsed, and which arms' shares are shown to differ; empty
    if none collapsed.
    """
    found, alpha = collapses(evidence), rule_of(evidence).alpha
    if found is None:
        return ""
    clip = [arm for arm in found.arms if arm.role == "arm"]
    fallen, ended = (sum(found.counts[arm.name][k] for arm in clip) for k in (0, 1))
    if not fallen:
        return ""
    said = f"{fallen} of {ended} runs with clipping collapsed"
    tested = [arm for arm in clip if arm.name in found.p_holm]
    if alpha is None or not tested:
        return said
    differ = [arm for arm in tested if found.p_holm[arm.name] < alpha]
    if not differ:
        return f"{said}; no arm's share is shown to differ from its reference's"
    shares = ", ".join(f"{arm.label} ({'/'.join(map(str, found.counts[arm.name]))})" for arm in differ)
    return f"{said}; shown to differ from their reference: {shares}"


def tuning_fact(evidence: Evidence) -> str:
    """Return what the arms were tuned with, `tuned with 8 trials per arm, 48 pilot runs`, or how far that is; empty without a tuning."""
    tuning = tuning_of(evidence)
    if tuning is None:
        return ""
    if not tuning.settled:
        return f"tuning: {progress(tuning)}"
    runs = sum(len(one.runs) for one in tuning.arms)
    return f"tuned with {budget_text(tuning)} per arm, {runs} pilot runs on {seeds_text(tuning)}"


def seeds_fact(evidence: Evidence) -> str:
    """Return the number of seeds that most arms have."""
    counts = Counter(len(evidence.counted(arm)) for arm in evidence.study.arms if arm.competes)
    if not any(counts):
        return ""
    usual = counts.most_common(1)[0][0]
    return f"{usual} seed{'' if usual == 1 else 's'} per arm"

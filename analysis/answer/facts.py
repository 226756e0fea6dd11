"""What was run, how its runs were scored and which gates hold: a line below the answer."""

from __future__ import annotations

from collections import Counter

from analysis.checks.gates import FAIL, OPEN, PASS, UNTESTABLE, check_gates
from analysis.evidence.collapse import base_level, collapsed
from analysis.evidence.evidence import Evidence
from analysis.logs.run_folders import COUNTED


def gates_fact(evidence: Evidence) -> str:
    """`9 of 10 gates pass, 1 open`; those that cannot be tested are no part of the ten."""
    held = Counter(gate.verdict for gate in check_gates(evidence))
    tested = held[PASS] + held[FAIL] + held[OPEN]
    others = [
        f"{held[word]} {said}"
        for word, said in (
            (FAIL, "fail" + ("s" if held[FAIL] == 1 else "")),
            (OPEN, "open"),
            (UNTESTABLE, UNTESTABLE),
        )
        if held[word]
    ]
    return ", ".join([f"{held[PASS]} of {tested} gates pass" if tested else "no gate can be tested", *others])


def runs_fact(evidence: Evidence) -> str:
    """`97 of 97 runs`: those that ended, of those that were planned."""
    ended = int(evidence.runs["status"].isin(COUNTED).sum())
    return (
        f"{ended} of {len(evidence.runs)} runs ended"
        if ended < len(evidence.runs)
        else f"all {ended} runs ended"
    )


def collapse_fact(evidence: Evidence) -> str:
    """`17 of 88 trained runs collapsed`, the arm that does not clip left out; empty where none did."""
    floor = base_level(evidence)
    found = [collapsed(evidence, arm, floor) for arm in evidence.study.with_role("arm")]
    fallen, counted = (sum(numbers) for numbers in zip(*found, strict=True)) if found else (0, 0)
    return f"{fallen} of {counted} runs that clip collapsed" if fallen else ""


def seeds_fact(evidence: Evidence) -> str:
    """`8 seeds an arm`, or from how many to how many."""
    counts = [len(evidence.counted(arm)) for arm in evidence.study.arms if arm.competes]
    if not counts:
        return ""
    ends = " to ".join(str(n) for n in dict.fromkeys((min(counts), max(counts))))
    return f"{ends} seed{'' if ends == '1' else 's'} an arm"

"""Sentences that every table needs: how many runs, what an interval means, which runs are not in it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from analysis.checks.flags import flags
from analysis.checks.gates import failed
from analysis.evidence.evidence import Evidence, values
from analysis.evidence.runs import run_states, runs_to_note
from analysis.inference.rule import rule_of
from analysis.statistics.evaluation import root_mean_square
from analysis.text.rounding import rounded

CONDITIONAL = "conditional on one base model"


def run_counts(evidence: Evidence, scores: pd.DataFrame) -> str:
    """The n of every arm in a table of scores, named one by one only where they differ."""
    counts = [(a.label, len(values(evidence, scores, a))) for a in evidence.study.arms if a.role != "base"]
    if len({n for _, n in counts}) == 1:
        return f"n = {counts[0][1]} runs (seeds) an arm."
    return "n runs (seeds) an arm: " + ", ".join(f"{label} {n}" for label, n in counts) + "."


def conditional(evidence: Evidence) -> str:
    """That one base model is behind all runs; empty where imported logs do not say so."""
    if not evidence.study.imported:
        return CONDITIONAL
    base = evidence.logs.manifest["imported"].get("base")
    return f"{CONDITIONAL} ({base})" if base else ""


def interval_rule(evidence: Evidence) -> str:
    """What follows ±."""
    said = conditional(evidence)
    return (
        f"± is half a 95 % t interval over seeds{f', {said}' if said else ''}; an arm with one run, or with equal "
        "ones, has none."
    )


def warnings(evidence: Evidence) -> list[str]:
    """Preset note, runs that did not finish, mixed code, and what makes comparisons say nothing, as sentences."""
    sentences = [evidence.study.note_sentence, *rule_of(evidence).marks, *failed_sentence(evidence)]
    states = run_states(evidence)
    if states:
        noted = sum(map(len, runs_to_note(evidence).values()))
        sentences.append(f"{noted} of {len(evidence.runs)} planned runs to note: {'; '.join(states)}.")
    mixed = _mixed_code(evidence)
    if mixed:
        sentences.append(mixed)
    return [*sentences, *flags(evidence)]


def common(evidence: Evidence) -> tuple[str, ...]:
    """What is true of every table and figure of a report: how many runs, what an interval is, and the warnings."""
    counts = run_counts(evidence, evidence.primary)
    return tuple(s for s in (counts, interval_rule(evidence), *warnings(evidence)) if s)


def head(evidence: Evidence) -> list[str]:
    """What stands at the head of a report: what is registered, and which gates failed, with their numbers."""
    return [*rule_of(evidence).marks, *(f"Failed gate: {g.name} ({g.evidence})." for g in failed(evidence))]


def failed_sentence(evidence: Evidence) -> list[str]:
    """The gates that failed, for every caption; none where all hold."""
    names = [gate.name for gate in failed(evidence)]
    return [f"Failed gate{'s' if len(names) > 1 else ''}: {'; '.join(names)}."] if names else []


def _mixed_code(evidence: Evidence) -> str:
    """That runs differ in their epoch of numbers; where none knows one, in the hash of their code. Empty where they do not."""
    started = [record for record in evidence.logs.runs if record.get("code_sha256") is not None]
    if any("epoch" in record for record in started):
        epochs = sorted({str(record.get("epoch", "epoch1")) for record in started})
        return f"Runs mix code of {len(epochs)} epochs: {', '.join(epochs)}." if len(epochs) > 1 else ""
    codes = code_versions(evidence)
    return f"Runs mix {len(codes)} code revisions: {', '.join(codes)}." if len(codes) > 1 else ""


def code_versions(evidence: Evidence) -> list[str]:
    """Distinct training code of the runs: the hash of the code itself, with a revision that holds it, shortened."""
    started = evidence.runs[evidence.runs["code_sha256"].notna()]
    revisions: dict[str, str] = {}
    for revision, code in zip(started["revision"], started["code_sha256"], strict=True):
        revisions[code] = min(revisions.get(code, "~"), str(revision or "no revision"))
    return sorted(f"{revision[:12]}/{code[:12]}" for code, revision in revisions.items())


def evaluation_note(evidence: Evidence, mode: str, temperature: float) -> str:
    """Standard errors of one run's average under a decoding, apart from seeds, and what one question is worth. In points."""
    errors = list(evidence.evaluation_errors(mode, temperature).values())
    clustered = [e.clustered for e in errors if e.clustered is not None]
    sampling = [e.sampling for e in errors if e.sampling is not None]
    parts = []
    if clustered:
        parts.append(
            f"{rounded(100 * root_mean_square(clustered), '.2f')} points over questions (clustered by question)"
        )
    if sampling:
        parts.append(
            f"{rounded(100 * root_mean_square(sampling), '.2f')} points over samples given the questions"
        )
    if not parts:
        return ""
    return (
        f"Apart from seeds, the evaluation standard error of one run's average is {' and '.join(parts)}; "
        f"one question is worth {_worth(questions_by_set(evidence, mode, temperature))}."
    )


def _worth(sizes: Mapping[str, int]) -> str:
    """Points of the average, of a question of each set; sets of equal size have one number."""
    of_size: dict[int, list[str]] = {}
    for name, size in sizes.items():
        of_size.setdefault(size, []).append(name)
    worth = {size: rounded(100 / size / len(sizes), ".2f") for size in sorted(of_size)}
    first, *others = [f"in {_listed(of_size[size])}" for size in worth]
    points, *more = worth.values()
    if not more:
        return f"{points} points of it"
    return ", ".join([f"{points} points of it {first}", *map(" ".join, zip(more, others, strict=True))])


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def questions_by_set(evidence: Evidence, mode: str, temperature: float) -> dict[str, int]:
    """Questions of every evaluation set in the final evaluation under a decoding: the fewest that a run has."""
    q = evidence.questions
    q = q[(q["mode"] == mode) & (q["temperature"] == temperature)]
    found = q.groupby(["run", "set"], observed=True).size().groupby("set", observed=True).min()
    return {name: int(found[name]) for name in evidence.sets}

"""Sentences that captions and notes share: numbers of runs, intervals, missing runs, and decodings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from analysis.checks.flags import flags
from analysis.checks.gates import failed
from analysis.checks.matching import matching_note
from analysis.evidence.collapse import any_collapsed
from analysis.evidence.evidence import AVERAGE, Evidence, values
from analysis.evidence.runs import run_states, runs_to_note
from analysis.inference.findings import NORMALITY, SIGNS, Summary, alone
from analysis.inference.rule import rule_of
from analysis.logs.manifest import LOGGED
from analysis.statistics.evaluation import root_mean_square
from analysis.statistics.families import FEWEST_RUNS
from analysis.text.pieces import in_words
from analysis.text.rounding import rounded

INTERVALS = "± (half the width) and brackets give 95 % confidence intervals over seeds, unless a header says otherwise."
FAILED_GATE = "Failed gate"
FEW = f"Arms have fewer than {FEWEST_RUNS} seeds, so tables show the values of their runs."


def run_counts(evidence: Evidence, scores: pd.DataFrame) -> str:
    """Return how many scored runs arms have: the usual number, then the arms that differ, by name."""
    counts = [(a.label, len(values(evidence, scores, a))) for a in evidence.study.arms if a.role != "base"]
    (usual, _), *others = Counter(n for _, n in counts).most_common()
    if not any(n for _, n in counts):
        return "No trained run is scored."
    if not others:
        return f"Each arm was trained with {_seeds(usual)}."
    twice = {arm.label for arm in evidence.study.arms if len(evidence.same_cell(arm)) > 1}
    listed = ", ".join(
        f"{label} ({n}{', including its A/A runs' if label in twice else ''})"
        for label, n in counts
        if n != usual
    )
    return f"Each arm was trained with {_seeds(usual)}, except {listed}."


def _seeds(n: int) -> str:
    return f"{n} seed{'' if n == 1 else 's'}"


def _one_base(evidence: Evidence) -> str:
    """Return, as a sentence of its own, that all runs start from one base model; empty if imported logs do
    not state it.
    """
    base = evidence.logs.manifest["imported"].get("base") if evidence.study.imported else ""
    if base is None:
        return ""
    return f"All runs start from one base model{f' ({base})' if base else ''}: a different one may give different results."


def interval_rule(evidence: Evidence) -> str:
    """Return what ± and brackets mean in a table of runs; with too few runs, that tables show values."""
    most = max((len(values(evidence, evidence.primary, arm)) for arm in evidence.study.arms), default=0)
    return INTERVALS if most >= FEWEST_RUNS else FEW


def warnings(evidence: Evidence) -> list[str]:
    """Return, as sentences, the preset note, the state of the registration, failed gates, and the warnings about runs."""
    said = [evidence.study.note_sentence, *rule_of(evidence).marks, *failed_sentence(evidence)]
    return [*said, *run_warnings(evidence)]


def run_warnings(evidence: Evidence) -> list[str]:
    """Return, as sentences, runs that did not finish, mixed code, and reasons why comparisons mean nothing."""
    sentences = []
    states = run_states(evidence)
    if states:
        noted = sum(map(len, runs_to_note(evidence).values()))
        sentences.append(f"{noted} of {len(evidence.runs)} planned runs to note: {'; '.join(states)}.")
    mixed = _mixed_code(evidence)
    if mixed:
        sentences.append(mixed)
    return [*sentences, *flags(evidence)]


def of_study(evidence: Evidence) -> str:
    """Return which study it is, for separate files: a page has its title."""
    return f"Study: {evidence.study.title}."


def common(evidence: Evidence) -> tuple[str, ...]:
    """Return what holds for every table and figure of a report: the study, its runs, and the warnings."""
    return tuple(filter(None, (of_study(evidence), *of_runs(evidence), *warnings(evidence))))


def of_runs(evidence: Evidence) -> tuple[str, ...]:
    """Return what holds for all runs: their numbers, what an interval is, their base model, and matched clipping."""
    sentences = (
        run_counts(evidence, evidence.primary),
        interval_rule(evidence),
        _one_base(evidence),
        *matching_note(evidence),
    )
    return tuple(filter(None, sentences))


def failures(evidence: Evidence) -> list[str]:
    """Return one sentence per failed gate, with its numbers, for the head of a report."""
    return [f"{FAILED_GATE}: {gate.name} ({gate.evidence})." for gate in failed(evidence)]


def failed_sentence(evidence: Evidence) -> list[str]:
    """Return the failed gates in one sentence, for every caption; none if all hold."""
    names = [gate.name for gate in failed(evidence)]
    return [f"{FAILED_GATE}{'s' if len(names) > 1 else ''}: {'; '.join(names)}."] if names else []


def _mixed_code(evidence: Evidence) -> str:
    """Return that runs differ in their numerics epoch, or, if none records one, in the hash of their code.
    Empty if they do not.
    """
    started = [record for record in evidence.whole.runs if record.get("code_sha256") is not None]
    if any("epoch" in record for record in started):
        epochs = sorted({str(record.get("epoch", "epoch1")) for record in started})
        return f"Runs mix code of {len(epochs)} epochs: {', '.join(epochs)}." if len(epochs) > 1 else ""
    codes = code_versions(evidence)
    return f"Runs mix {len(codes)} code revisions: {', '.join(codes)}." if len(codes) > 1 else ""


def code_versions(evidence: Evidence) -> list[str]:
    """Return the distinct training code of the runs: the hash of the code itself, with a revision that has
    it, shortened.
    """
    revisions: dict[str, str] = {}
    started = [record for record in evidence.whole.runs if record["code_sha256"] is not None]
    for revision, code in ((record["revision"], record["code_sha256"]) for record in started):
        revisions[code] = min(revisions.get(code, "~"), str(revision or "no revision"))
    return sorted(f"{revision[:12]}/{code[:12]}" for code, revision in revisions.items())


def decoding(evidence: Evidence, mode: str, temperature: float) -> str:
    """Return in a few words what a score is and how answers were decoded; k is samples per question."""
    if mode == "greedy":
        return "greedy accuracy"
    if mode == LOGGED and not evidence.by_question:
        return evidence.sets[0] if len(evidence.sets) == 1 else "logged score"
    q = evidence.questions
    q = q[(q["mode"] == mode) & (q["temperature"] == temperature)]
    if mode == LOGGED:
        return _avg_at(q["count"])
    of_base = q["run"].isin([r for arm in evidence.study.with_role("base") for r in evidence.counted(arm)])
    k = _avg_at(q[~of_base]["count"]) or _avg_at(q[of_base]["count"])
    return f"{k} at temperature {temperature:g}"


def decoding_notes(evidence: Evidence, mode: str, temperature: float) -> list[str]:
    """Return what else a reader must know about the score."""
    q = evidence.questions
    q = q[(q["mode"] == mode) & (q["temperature"] == temperature)]
    if mode == LOGGED:
        primary = evidence.logs.manifest["primary"]
        named = ", ".join(primary["metrics"])
        if evidence.by_question:
            return [f"Scored by {named}; each run's evaluation drew answers in its own way."]
        scale = "" if primary["scale"] in (None, 1) else f" times {primary['scale']:g}"
        at = "each run's last step" if primary["step"] is None else f"step {primary['step']}"
        return [f"Score: the logged value{scale} of {named} at {at}."]
    of_base = q["run"].isin([r for arm in evidence.study.with_role("base") for r in evidence.counted(arm)])
    base_k, k = _avg_at(q[of_base]["count"]), _avg_at(q[~of_base]["count"])
    return [f"The untrained base has {base_k}."] if base_k and k and base_k != k else []


def _avg_at(samples: pd.Series) -> str:
    return " and ".join(f"avg@{k}" for k in sorted({int(n) for n in samples}))


def evaluation_note(evidence: Evidence, mode: str, temperature: float) -> str:
    """Return the standard errors of one run's average under a decoding, apart from seeds, and the worth of
    one question. In points.
    """
    errors = list(evidence.evaluation_errors(mode, temperature).values())
    clustered = [e.clustered for e in errors if e.clustered is not None]
    sampling = [e.sampling for e in errors if e.sampling is not None]
    parts = []
    if clustered:
        parts.append(f"{rounded(100 * root_mean_square(clustered), '.2f')} points over questions")
    if sampling:
        parts.append(f"{rounded(100 * root_mean_square(sampling), '.2f')} over samples of the same questions")
    if not parts:
        return ""
    return (
        f"Apart from seeds, the evaluation of one run has a standard error of {' and '.join(parts)}; one question counts for "
        f"{_worth(questions_by_set(evidence, mode, temperature))}."
    )


def _worth(sizes: Mapping[str, int]) -> str:
    """Return the points of the average that one question of each set is worth; sets of equal size share a
    number.
    """
    of_size: dict[int, list[str]] = {}
    for name, size in sizes.items():
        of_size.setdefault(size, []).append(name)
    worth = {size: rounded(100 / size / len(sizes), ".2f") for size in sorted(of_size)}
    first, *others = [f"in {in_words(of_size[size])}" for size in worth]
    points, *more = worth.values()
    if not more:
        return f"{points} points"
    return ", ".join([f"{points} points {first}", *map(" ".join, zip(more, others, strict=True))])


def questions_by_set(evidence: Evidence, mode: str, temperature: float) -> dict[str, int]:
    """Return the questions of every evaluation set in the final evaluation under a decoding: the fewest of
    any run.
    """
    q = evidence.questions
    q = q[(q["mode"] == mode) & (q["temperature"] == temperature)]
    found = q.groupby(["run", "set"], observed=True).size().groupby("set", observed=True).min()
    return {name: int(found[name]) for name in evidence.sets}


def judged(evidence: Evidence, summaries: list[Summary], *, below: bool) -> list[str]:
    """Return how the primary average is judged. `below`: whether an arm is marked as not shown to beat the
    untrained base.
    """
    rule = rule_of(evidence)
    if rule.alpha is None:
        return ["Nothing is tested until the study has finished."]
    tested = [s for s in summaries if s.adjusted is not None]
    if not tested:
        return [
            f"Nothing is tested: a p needs {FEWEST_RUNS} scored runs of both arms.",
            *_unvaried(evidence, summaries),
        ]
    holm = f"adjusted by Holm for {len(tested)} arms" if len(tested) > 1 else "of a single arm, not adjusted"
    return [
        f"p: {_test(evidence, tested)}, {holm}. The interval of a difference excludes zero if p is below {rounded(rule.alpha, '.2g')}.",
        *_unvaried(evidence, summaries),
        _bold_rule(evidence, summaries),
        *(["†: not shown to score higher than the untrained base."] if below else []),
        *_rests(tested, rule.alpha),
        *_alone(evidence, tested, rule.alpha),
    ]


def _unvaried(evidence: Evidence, summaries: list[Summary]) -> list[str]:
    """Return the arms that have enough runs for a p but get none because the runs do not vary."""
    found = [
        s.arm.label
        for s in summaries
        if s.arm.competes and s.comparison is not None and s.adjusted is None
        and min(s.columns[AVERAGE].n, s.comparison.n) >= FEWEST_RUNS
    ]  # fmt: skip
    return [f"No p for {', '.join(found)}: equal runs have no spread to test against."] if found else []


def _rests(tested: list[Summary], alpha: float) -> list[str]:
    """Return what the marks after a p mean, if there is one."""
    marks = {s.rests_on(alpha) for s in tested}
    if not any(s.flips_p is not None for s in tested):
        return []
    says = {
        NORMALITY: "n: depends on the normal distribution; a test without it (joint sign flips of seeds) does not show the difference.",
        SIGNS: "s: joint sign flips of seeds show the difference, but the t test does not.",
    }
    found = [sentence for mark, sentence in says.items() if mark in marks]
    return found or [
        "A test without the normal distribution (joint sign flips of seeds) finds the same differences."
    ]


def _alone(evidence: Evidence, tested: list[Summary], alpha: float) -> list[str]:
    """Return findings that depend on pairing by seed."""
    return [
        f"Only {test} shows a difference for {', '.join(s.arm.label for s in arms)}."
        for test, arms in alone(evidence, tested, alpha).items()
    ]


def _test(evidence: Evidence, tested: list[Summary]) -> str:
    """Return the test of differences, naming the arms that a paired study could not pair."""
    if not rule_of(evidence).paired:
        common = (
            " (or, because some runs collapsed, a t test with one spread for all arms if that finds less)"
        )
        return "Welch's t test" + (common if any_collapsed(evidence) else "")
    welch = [s.arm.label for s in tested if s.comparison is not None and s.comparison.test == "welch"]
    fallen = f" (Welch's t test for {', '.join(welch)}, planned on other seeds)" if welch else ""
    return f"paired t test over shared seeds{fallen}"


def _bold_rule(evidence: Evidence, summaries: list[Summary]) -> str:
    if any(summary.best for summary in summaries):
        return (
            "Bold: this arm could be the best. Not bold: shown to score lower than another arm (by its p, or over all pairs of arms), "
            "as is every arm with a lower mean."
        )
    competing = [s for s in summaries if s.arm.competes]
    few = [s.arm.label for s in competing if AVERAGE not in s.columns or s.columns[AVERAGE].n < FEWEST_RUNS]
    if len(competing) < 2:
        return "Nothing is bold: a single arm has no rival."
    if not few:
        return ""
    return f"Nothing is bold: bold needs {FEWEST_RUNS} scored runs of every arm, which {', '.join(few[:3])} lack{'s' if len(few) == 1 else ''}."

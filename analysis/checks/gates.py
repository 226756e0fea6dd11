"""Gates: requirements that a study must meet to be informative. Each returns a verdict and the numbers behind it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from analysis.checks.matching import Matching, matchings, required
from analysis.checks.tuning import tuning_gates
from analysis.evidence.evidence import AVERAGE, GREEDY, Evidence, values
from analysis.evidence.measures import CLIP_LAST, run_means
from analysis.evidence.runs import run_states
from analysis.inference.compare import compare
from analysis.inference.rule import rule_of
from analysis.logs.manifest import Arm
from analysis.logs.run_files import MISSING, RUNNING
from analysis.logs.run_folders import COUNTED
from analysis.statistics import Comparison
from analysis.statistics.evaluation import root_mean_square
from analysis.statistics.families import FEWEST_RUNS, interval_at
from analysis.statistics.words import EQUIVALENT, word_of, word_power
from analysis.text.numbers import points, signed
from analysis.text.rounding import rounded
from analysis.text.unit import Unit
from sspo.config import OWN_BACKEND, OWN_ENGINE

PASS, FAIL, UNTESTABLE, OPEN = "pass", "fail", "not testable", "open"
"""`open`: tested, but the runs decide neither way."""
PRECISE = "evaluation is precise"
DEFAULTS: Mapping[str, float] = {
    "base_max": 0.60,
    "no_clip_margin": 0.20,
    "token_clip_min": 0.005,
    "ceiling": 0.95,
    "floor": 0.05,
    "min_tokens": 50,
    "min_segments": 8,
    "min_cv": 0.5,
}


@dataclass(frozen=True)
class Gate:
    """One gate's verdict and evidence."""

    name: str
    verdict: str
    evidence: str


Check = Callable[[Evidence, Mapping[str, float]], tuple[str, str]]


@functools.lru_cache(maxsize=8)
def check_gates(evidence: Evidence) -> list[Gate]:
    """Check all gates in order, under the manifest's thresholds; the gate of matched arms only if an arm has a target, those of a tuning only if
    the study is tuned."""
    limits = {**DEFAULTS, **{k: float(v) for k, v in evidence.study.gates.items() if k in DEFAULTS}}
    checks = (*GATES, MATCHED) if matchings(evidence) else GATES
    unknown = {**(NOT_IN_IMPORTED_LOGS if evidence.study.imported else {})}
    unknown |= {} if evidence.unit.percent else OF_SHARES
    unknown = {name: why for name, why in unknown.items() if name != PRECISE or not evidence.by_question}
    found = [
        Gate(name, UNTESTABLE, unknown[name]) if name in unknown else Gate(name, *check(evidence, limits))
        for name, check in checks
    ]
    verdicts = {True: PASS, False: FAIL, None: OPEN}
    return [*found, *(Gate(name, verdicts[holds], said) for name, holds, said in tuning_gates(evidence))]


def failed(evidence: Evidence) -> list[Gate]:
    """Return the gates that failed."""
    return [gate for gate in check_gates(evidence) if gate.verdict == FAIL]


def _verdict(holds: bool, sentence: str) -> tuple[str, str]:
    return (PASS if holds else FAIL), sentence


def base_has_room(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that an untrained base is scored and far from solved, greedy and at T = 0.5."""
    bases = evidence.study.with_role("base")
    greedy = [v for arm in bases for v in values(evidence, evidence.scores(*GREEDY), arm)]
    cool = [v for arm in bases for v in values(evidence, evidence.scores("sampled", 0.5), arm)]
    if not greedy:
        return UNTESTABLE, "no run of an untrained base is scored"
    limit = limits["base_max"]
    if not cool:
        verdict = FAIL if np.mean(greedy) > limit else UNTESTABLE
        return verdict, f"greedy {points(float(np.mean(greedy)))}; no base run is evaluated at T = 0.5"
    g, c = float(np.mean(greedy)), float(np.mean(cool))
    return _verdict(
        max(g, c) <= limit, f"base greedy {points(g)}, T = 0.5 {points(c)}; at most {points(limit)} allowed"
    )


def clipping_acts(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that training without a clip scores clearly below the best arm."""
    means = {a: v for a in evidence.study.with_role("arm") if (v := _mean(evidence, a.name)) is not None}
    without = [v for a in evidence.study.with_role("no_clip") if (v := _mean(evidence, a.name)) is not None]
    if not means or not without:
        return UNTESTABLE, "needs a scored no-clip arm and a scored clipped arm"
    best = max(means, key=lambda a: means[a])
    gap = means[best] - max(without)
    sentence = (
        f"no clip {points(max(without))}, best arm ({best.label}) {points(means[best])}: {signed(gap)} points"
    )
    if gap < limits["no_clip_margin"]:
        return (
            FAIL,
            f"clipping is inert here: {sentence}, at least {points(limits['no_clip_margin'])} required",
        )
    return PASS, sentence


def _mean(evidence: Evidence, name: str) -> float | None:
    arm = evidence.study.arm(name)
    scores = values(evidence, evidence.primary, arm) if arm else []
    return float(np.mean(scores)) if scores else None


def tokens_are_clipped(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that the token-level arm clips active tokens on the last update of a rollout."""
    name = str(evidence.study.gates.get("token_arm", evidence.study.baseline))
    arm = evidence.study.arm(name)
    means = run_means(evidence, CLIP_LAST)
    mine = [float(means[r]) for r in (evidence.counted(arm) if arm else []) if r in means.index]
    if not mine:
        return UNTESTABLE, f"token arm '{name}' has no run with logged updates"
    share, limit = float(np.mean(mine)), limits["token_clip_min"]
    return _verdict(
        share >= limit,
        f"{name} clips {rounded(100 * share, '.2f')} % of active tokens on last updates; at least {rounded(100 * limit, '.2f')} % required",
    )


def sets_discriminate(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that no evaluation set is at ceiling or floor in every trained arm."""
    trained = evidence.study.with_role("arm", "no_clip", "aa")
    found, stuck = [], []
    for column in evidence.sets:
        means = [float(np.mean(v)) for a in trained if (v := values(evidence, evidence.primary, a, column))]
        if not means:
            return UNTESTABLE, "no trained run is scored"
        found.append(f"{column} {points(min(means))} to {points(max(means))}")
        if min(means) > limits["ceiling"] or max(means) < limits["floor"]:
            stuck.append(column)
    sentence = f"arm means: {', '.join(found)}"
    return _verdict(
        not stuck, sentence + (f"; at ceiling or floor in every arm: {', '.join(stuck)}" if stuck else "")
    )


def copies_agree(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that every A/A arm (the same options, other seeds, or another backend) is equivalent to its original, by two one-sided
    tests at the smallest effect of interest.
    """
    copies = evidence.study.with_role("aa")
    if not copies:
        return UNTESTABLE, "the preset has no A/A arm"
    found = [(copy, *_copy_agrees(evidence, copy)) for copy in copies]
    if len(found) == 1:
        return found[0][1:]
    worst = min((state for _, state, _ in found), key=[FAIL, UNTESTABLE, OPEN, PASS].index)
    return worst, "; ".join(f"{copy.label}: {sentence}" for copy, _, sentence in found)


def _copy_agrees(evidence: Evidence, copy: Arm) -> tuple[str, str]:
    original = evidence.study.arm(str(copy.copy_of))
    if original is not None and set(copy.seeds) & set(original.seeds):
        return FAIL, f"{copy.name} shares seeds with {original.name}: it must run on different seeds"
    found = compare(evidence, evidence.primary, copy, original) if original else None
    c, alpha = None if found is None else found.welch, rule_of(evidence).alpha
    if c is None or c.df is None or c.error is None or alpha is None or c.n < FEWEST_RUNS:
        return (
            UNTESTABLE,
            f"needs {FEWEST_RUNS} scored runs, not all equal, of the A/A arm and of its original",
        )
    margin = evidence.study.smallest_effect
    if margin is None:
        return UNTESTABLE, "no smallest effect of interest is set, within which the two must agree"
    return _equivalent(evidence.unit, c, margin, alpha)


def _equivalent(unit: Unit, c: Comparison, margin: float, alpha: float) -> tuple[str, str]:
    """Return pass inside the margin, fail if a difference is shown, else open, with the chance of passing if nothing differs."""
    assert c.error is not None
    assert c.df is not None
    low, high = interval_at(c, alpha)
    word = word_of(low, high, margin)
    power = word_power(0.0, margin, c.error, c.df, alpha)[EQUIVALENT]
    sentence = (
        f"{unit.signed(c.difference)}{unit.points} [{unit.signed(low)}, {unit.signed(high)}] against a margin of "
        f"{unit.text(margin)}; two equal arms would be shown equal within it in {rounded(100 * power, '.0f')} % of studies"
    )
    if word == EQUIVALENT:
        return PASS, sentence
    return (FAIL, f"a difference is shown: {sentence}") if low > 0 or high < 0 else (OPEN, sentence)


def starts_agree(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that rollout 0 is token-identical across the arms of one seed that sample with the same engine under the same backend:
    others draw different numbers."""
    hashed = evidence.runs[evidence.runs["rollout0_sha256"].notna()]
    usual = {"engine": OWN_ENGINE, "backend": OWN_BACKEND}
    ways = {key: hashed[key].fillna(own) if key in hashed else own for key, own in usual.items()}
    made = hashed.assign(**ways)
    groups = made.groupby(["seed", *ways])["rollout0_sha256"]
    shared = groups.nunique()[groups.size() >= 2]
    if shared.empty:
        alike = " under the same backend" if made["backend"].nunique() > 1 else ""
        return UNTESTABLE, f"no seed has two finished runs that sample with the same engine{alike}"
    split = sorted({int(seed) for (seed, *_), kinds in shared.items() if kinds > 1})
    sentence = f"seeds compared: {shared.index.unique('seed').size}, runs: {int(groups.size()[groups.size() >= 2].sum())}"
    return _verdict(
        not split, sentence + (f"; rollout 0 differs at seed {', '.join(map(str, split))}" if split else "")
    )


def responses_have_segments(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that responses are long enough, and segment lengths vary enough, for a segment rule to matter."""
    ruled = evidence.runs.index[evidence.runs["rule"] == "subsentence"]
    rows = evidence.logs.metrics
    rows = rows[(rows["rollout"] == 0) & rows["run"].isin(ruled)].dropna(
        subset=["rollout/segments_per_response"]
    )
    if rows.empty:
        return UNTESTABLE, "no run with subsentence segmentation logged rollout 0"
    tokens = float(rows["rollout/response_tokens"].mean())
    segments = float(rows["rollout/segments_per_response"].mean())
    cv = float((rows["rollout/segment_tokens_sd"] / rows["rollout/tokens_per_segment"]).mean())
    holds = tokens >= limits["min_tokens"] and segments >= limits["min_segments"] and cv >= limits["min_cv"]
    return _verdict(
        holds,
        f"at rollout 0 {rounded(tokens, '.1f')} tokens and {rounded(segments, '.1f')} segments per response, segment length CV {rounded(cv, '.2f')}; "
        f"at least {limits['min_tokens']:g}, {limits['min_segments']:g} and {limits['min_cv']:g} required",
    )


def evaluation_is_precise(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that the sampling error of one run's score is at most a third of the spread over seeds."""
    errors = evidence.evaluation_errors(evidence.study.mode, evidence.study.temperature)
    sampling = [e.sampling for e in errors.values() if e.sampling is not None]
    # unclipped runs collapse at different times: with their spread any evaluation would pass
    groups = [values(evidence, evidence.primary, a) for a in evidence.study.with_role("arm", "aa")]
    variances = [float(np.var(g, ddof=1)) for g in groups if len(g) > 1]
    if not sampling or not variances:
        return UNTESTABLE, "needs two samples per question and two scored runs of a clipped arm"
    error, sd = root_mean_square(sampling), float(np.sqrt(np.mean(variances)))
    return _verdict(
        error <= sd / 3,
        f"sampling error {rounded(100 * error, '.2f')} points of a run's {AVERAGE}, seed sd {rounded(100 * sd, '.2f')} (pooled over clipped arms)",
    )


def all_finished(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that every planned run ended: done, or diverged, which is an outcome."""
    ended = evidence.runs["status"].isin(COUNTED)
    sentence = f"{int(ended.sum())} of {len(ended)} planned runs ended"
    states = run_states(evidence)
    sentence += f"; {'; '.join(states)}" if states else ""
    going_on = evidence.runs["status"].isin((*COUNTED, MISSING, RUNNING))
    if not ended.all() and going_on.all():
        return OPEN, sentence
    return _verdict(bool(ended.all()), sentence)


def arms_are_matched(evidence: Evidence, limits: Mapping[str, float]) -> tuple[str, str]:
    """Check that every arm with a target clips near it, in the last half of its rollouts."""
    found = matchings(evidence)
    sentence = f"{'; '.join(_by_target(found))}; {required(found)} required"
    if not any(m.unmatched for m in found) and not all(m.holds for m in found):
        return UNTESTABLE, sentence
    return _verdict(all(m.holds for m in found), sentence)


def _by_target(found: list[Matching]) -> list[str]:
    """Return the realized range of every target, and each arm outside it with its numbers."""
    sentences = []
    for target in dict.fromkeys(m.target for m in found):
        held = [m.realized for m in found if m.target == target and m.realized is not None and m.holds]
        if held:
            realized = f"{rounded(100 * min(held), '.2f')} to {rounded(100 * max(held), '.2f')} %"
            arms = f"{len(held)} arm{'s' if len(held) > 1 else ''}"
            sentences.append(f"target {rounded(100 * target, '.2f')} %: realized {realized} ({arms})")
    return sentences + [m.numbers for m in found if not m.holds]


GATES: tuple[tuple[str, Check], ...] = (
    ("untrained base has room", base_has_room),
    ("clipping matters", clipping_acts),
    ("token arm clips", tokens_are_clipped),
    ("sets discriminate", sets_discriminate),
    ("A/A agrees", copies_agree),
    ("same rollout 0 across arms", starts_agree),
    ("responses have segments", responses_have_segments),
    (PRECISE, evaluation_is_precise),
    ("all planned runs finished", all_finished),
)
NOT_IN_IMPORTED_LOGS: Mapping[str, str] = {
    "untrained base has room": "imported logs hold no evaluation of an untrained base",
    "token arm clips": "imported logs do not count clipping over tokens with A != 0",
    "same rollout 0 across arms": "imported logs hold no hash of rollout 0",
    "responses have segments": "imported logs do not record how responses are segmented",
    PRECISE: "imported logs hold averages, not answers",
}
OF_SHARES: Mapping[str, str] = {
    "clipping matters": "its margin is defined for shares, but the primary metric is in its own unit",
    "sets discriminate": "ceiling and floor are defined for shares, but the primary metric is in its own unit",
}
MATCHED: tuple[str, Check] = ("arms are matched on clipping", arms_are_matched)

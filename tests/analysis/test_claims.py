"""Claims: what a file may hold, which arms it means, and verdicts by hand arithmetic and by scipy."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy import stats
from synthetic_store import ARMS, FakeArm, Scale, write_study

from analysis.claims.section import judge
from analysis.claims.spec import Claim, parse
from analysis.claims.verdict import Finding, Verdict, decide, overall, verdicts
from analysis.evidence.evidence import Evidence, values
from analysis.logs.compact import RUNS, read_logs
from analysis.logs.run_folders import compact
from analysis.pages.verdicts import verdicts_html, verdicts_markdown
from analysis.statistics import seeds_needed
from sspo.errors import UserError

SCORE = {
    "says": "x",
    "measure": "score",
    "arms": {"role": "no_clip"},
    "against": {"level": ["token"]},
    "direction": "lower",
    "smallest_effect": 0.2,
}


def make(folder: Path, arms: Sequence[FakeArm], seeds: int = 5) -> Evidence:
    compact(
        folder / "store", write_study(folder / "store", arms, Scale(seeds=seeds, rollouts=2)), folder / "logs"
    )
    return Evidence(read_logs(folder / "logs"))


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claims")
    names = ("base", "no_clip", "grpo", "gspo", "sspo_05", "sspo")
    make(folder, [a for a in ARMS if a.name in names])
    return folder / "logs"


@pytest.fixture(scope="module")
def evidence(logs: Path) -> Evidence:
    return Evidence(read_logs(logs))


def verdict(evidence: Evidence, **changes: Any) -> list[Verdict]:
    given = {key: value for key, value in {**SCORE, **changes}.items() if value is not None}
    return verdicts(evidence, parse({"claims": {"H": given}}))["H"]


def why(evidence: Evidence, **changes: Any) -> str:
    (only,) = verdict(evidence, **changes)
    assert (only.word, only.test) == ("not testable", None)
    return only.why


def test_a_verdict_is_the_studys_own_test_in_the_claims_direction(evidence: Evidence) -> None:
    mine, theirs = (values(evidence, evidence.primary, evidence.study.arm(n)) for n in ("no_clip", "grpo"))
    expected = stats.ttest_rel(theirs, mine)
    (found,) = verdict(evidence)
    assert (found.word, found.test.test, found.test.n) == ("supported", "paired", 5)
    assert found.test.effect == pytest.approx(np.mean(theirs) - np.mean(mine))
    assert (found.test.low, found.test.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert (found.p_holm, found.test.sd) == pytest.approx(
        (expected.pvalue, np.std(np.subtract(theirs, mine), ddof=1))
    )
    (turned,) = verdict(evidence, direction="higher")
    assert (turned.word, turned.why) == ("refuted", "the opposite holds")
    assert turned.test.effect == pytest.approx(-found.test.effect)


def claim(smallest: float) -> Claim:
    return parse({"claims": {"H": {**SCORE, "smallest_effect": smallest}}}).claims["H"]


@pytest.mark.parametrize(
    ("effect", "half", "p", "word", "reason"),
    [
        (0.30, 0.20, 0.01, "supported", "beyond chance and large enough to matter"),
        (0.30, 0.20, 0.06, "inconclusive", "seeds an arm would tell"),  # Holm says no
        (0.15, 0.10, 0.01, "inconclusive", "seeds an arm would tell"),  # real, perhaps too small to matter
        (0.10, 0.05, 0.01, "refuted", "an effect that would matter is excluded"),  # real and too small
        (0.00, 0.15, 0.90, "refuted", "an effect that would matter is excluded"),
        (-0.30, 0.20, 0.01, "refuted", "the opposite holds"),
        (0.00, 0.25, 0.90, "inconclusive", "seeds an arm would tell"),  # absence of evidence
        (-0.10, 0.35, 0.50, "inconclusive", "seeds an arm would tell"),
    ],
)
def test_the_rules_of_verdicts(effect: float, half: float, p: float, word: str, reason: str) -> None:
    test = Finding(ARMS[2], ARMS[3], effect, effect - half, effect + half, p, 0.3, 4, "paired")
    found = decide(claim(0.2), test, p, 5)
    assert found.word == word
    assert reason in found.why
    # .2 is two thirds of the sd .3; Holm's first level of five tests is .01
    assert found.seeds == (seeds_needed(2 / 3, 0.01, paired=True) if word == "inconclusive" else None)


def test_seeds_that_are_there_already_are_not_asked_for(evidence: Evidence) -> None:
    near = Finding(ARMS[2], ARMS[3], 0.19, 0.17, 0.21, 1e-4, 0.05, 30, "welch")
    found = decide(claim(0.2), near, 1e-4, 1)
    assert (found.word, found.seeds) == ("inconclusive", None)
    assert found.why == "the effect is too near 20 points to say on which side it lies"


def test_holm_counts_every_test_of_the_file(evidence: Evidence) -> None:
    both = {"H": dict(SCORE), "K": {**SCORE, "arms": {"level": ["response"]}}}
    found = verdicts(evidence, parse({"claims": both}))
    raw = {name: given[0].test.p for name, given in found.items()}
    assert found["H"][0].p_holm == pytest.approx(2 * raw["H"])
    assert found["K"][0].p_holm == pytest.approx(max(2 * raw["H"], raw["K"]))


def test_a_bound_is_judged_by_one_sample(evidence: Evidence) -> None:
    given = {"measure": "policy/clip_frac_active", "against": None, "arms": {"level": ["response"]}}
    (found,) = verdict(evidence, **given, bound=0.01, smallest_effect=0.005)
    assert (found.word, found.test.test, found.test.n, found.test.other) == ("refuted", "one-sample", 5, None)
    # the arm clips .41 on the second of two updates and nothing on the first
    assert found.test.effect == pytest.approx(0.01 - 0.205, abs=0.03)
    assert verdict(evidence, **given, bound=0.5, smallest_effect=0.1)[0].word == "supported"


def test_collapse_is_counted_with_fishers_test(evidence: Evidence) -> None:
    given = {"measure": "collapsed", "direction": "higher"}
    (found,) = verdict(evidence, **given)
    # 5 of 5 against 0 of 5: p = 2 / C(10, 5); exact limits .025^(1/5) = .47818 give 1 - hypot(.52182, .52182)
    assert (found.word, found.test.effect, found.test.high) == ("supported", 1.0, 1.0)
    assert found.p_holm == pytest.approx(2 / 252)
    assert found.test.low == pytest.approx(1 - 0.52182 * 2**0.5, abs=1e-4)
    assert why(evidence, **given, arms={"level": ["response"]}) == "no run of these arms collapsed"


def test_adaptive_bounds_meet_the_fixed_ones_of_their_own_size(evidence: Evidence) -> None:
    given = {"arms": {"adapt": ["tanh"], "alpha_above": 0.0}, "against": {"adapt": ["none"]}}
    same = ["level", "clip_low", "clip_high", "target"]
    (found,) = verdict(evidence, **given, same=same, smallest_effect=0.02)
    assert (found.test.arm.name, found.test.other.name) == ("sspo", "sspo_05")
    assert {v.test.other.name for v in verdict(evidence, **given)} == {"grpo", "gspo", "sspo_05"}
    assert why(evidence, arms={"alpha_above": 0.6}).startswith(
        "no arm with a finished run has role arm, alpha"
    )
    none = {"arms": {"level": ["token"]}, "against": {"level": ["response"]}, "same": ["level"]}
    assert why(evidence, **none) == "no two such arms have the same level"


def test_like_is_compared_with_like_only(tmp_path: Path) -> None:
    mild = [a for a in ARMS if a.name in ("base", "grpo", "sspo_05")]
    large = ("objective=x", "trainer.lr=1")
    harsh = [
        dataclasses.replace(a, name=f"{a.name}_harsh", overrides=large) for a in mild if a.name != "base"
    ]
    batch = dataclasses.replace(mild[1], name="dapo", aggregation="token_mean")
    evidence = make(tmp_path, [*mild, *harsh, batch])
    given = {"arms": {"level": ["token"]}, "against": {"level": ["subsentence"]}}
    apart = verdict(evidence, **given, same=["conditions", "aggregation"])
    assert [(v.test.arm.name, v.test.other.name) for v in apart] == [
        ("grpo", "sspo_05"),
        ("grpo_harsh", "sspo_05_harsh"),
    ]
    assert len(verdict(evidence, **given)) == 3 * 2


def test_arms_may_be_named_by_a_pattern(evidence: Evidence) -> None:
    found = verdict(evidence, arms={"name": "sspo*"}, same=["term"])
    assert [v.test.arm.name for v in found] == ["sspo_05", "sspo"]


def test_what_logs_do_not_record_is_not_guessed(logs: Path, tmp_path: Path) -> None:
    for path in logs.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    runs = json.loads((logs / RUNS).read_text())
    old = [
        {k: v for k, v in run.items() if k not in ("adapt", "alpha", "clip_low", "clip_high")} for run in runs
    ]
    (tmp_path / RUNS).write_text(json.dumps(old))
    evidence = Evidence(read_logs(tmp_path))
    assert why(evidence, arms={"adapt": ["tanh"], "alpha_above": 0.0}) == (
        "these logs do not record adapt, alpha of an arm"
    )
    assert why(evidence, same=["clip_low"]) == "these logs do not record clip_low of an arm"
    assert verdict(evidence)[0].word == "supported"


def test_a_controlled_arm_cannot_test_what_its_own_bounds_would_do(tmp_path: Path) -> None:
    arms = [dataclasses.replace(a, target=0.05) for a in ARMS if a.name in ("grpo", "gspo")]
    evidence = make(tmp_path, arms, seeds=1)
    given = {"arms": {"level": ["response"]}, "measure": "policy/clip_frac_active"}
    assert why(evidence, **given, free=True) == (
        "the clip rate of GSPO 3e-4/4e-4 is held or matched, not the arm's own"
    )
    # one seed: no interval
    assert why(evidence, **given) == "GSPO 3e-4/4e-4 and GRPO .2: an interval needs two runs of each"


def test_a_measure_that_no_run_has_is_named_once_on_the_page(evidence: Evidence, tmp_path: Path) -> None:
    given = {"measure": "policy/grad_noise", "arms": {"level": ["subsentence"]}}
    assert [(v.arm.name, v.other.name) for v in verdict(evidence, **given)] == [
        ("sspo_05", "grpo"),
        ("sspo", "grpo"),
    ]
    (tmp_path / "mine.yaml").write_text(json.dumps({"claims": {"H": {**SCORE, **given}}}))
    (file,) = judge(evidence, [tmp_path / "mine.yaml"])
    assert ["not logged in training" in line.evidence for line in file.lines] == [True]


def test_a_claim_has_one_word_where_its_comparisons_agree() -> None:
    test = Finding(ARMS[2], ARMS[3], 0.3, 0.2, 0.4, 0.01, 0.3, 4, "paired")
    yes, no, blank = (
        Verdict("supported", "", test),
        Verdict("refuted", "", test),
        Verdict("not testable", "x"),
    )
    assert [overall(v) for v in ([yes, yes, blank], [yes, no], [blank])] == [
        "supported",
        "mixed",
        "not testable",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"smalest_effect": 1}, "did you mean 'claims.H.smallest_effect'"),
        ({"smallest_effect": 0}, "smallest_effect must be a positive number"),
        ({"smallest_effect": "big"}, "smallest_effect must be a number, got 'big'"),
        (
            {"measure": "policy/clipfrac"},
            "unknown claims.H.measure 'policy/clipfrac': did you mean 'policy/clip_frac",
        ),
        ({"direction": "up"}, "unknown claims.H.direction 'up'"),
        ({"bound": 0.1}, "needs one of against"),
        ({"against": None}, "needs one of against"),
        ({"against": None, "bound": 1.0, "measure": "collapsed"}, "no yes or no"),
        ({"arms": {"level": ["sub"]}}, "unknown claims.H.arms.level 'sub'"),
        ({"arms": {"level": "token"}}, "claims.H.arms.level must be a list, got 'token'"),
        ({"same": ["epsilon"]}, "unknown claims.H.same 'epsilon'"),
        ({"says": " "}, "says must be the sentence"),
    ],
)
def test_a_claim_that_makes_no_sense_is_refused_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    given = {key: value for key, value in {**SCORE, **changes}.items() if value is not None}
    with pytest.raises(UserError) as refused:
        parse({"claims": {"H": given}})
    assert sentence in str(refused.value)


def test_a_file_that_makes_no_sense_is_refused_with_its_name(evidence: Evidence, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    for text, sentence in (
        ("claims: {}", "mine.yaml: claims must name at least one claim"),
        ("claims: {2: {says: x}}", "mine.yaml: claims: a name is letters"),
        ("claims: {H: 3}", "mine.yaml: claims.H is a group of options, got 3"),
        ("hypotheses: {}", "mine.yaml: unknown key 'hypotheses'"),
        ("title: 3\nclaims: {H: {}}", "mine.yaml: title must be a text"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=sentence):
            judge(evidence, [path])


def test_the_section_shows_every_verdict_and_escapes_what_it_shows(
    tmp_path: Path, evidence: Evidence
) -> None:
    path = tmp_path / "mine.yaml"
    hostile = {**SCORE, "says": "<script>x</script> | beats", "note": "a|b"}
    path.write_text(json.dumps({"title": "<b>mine", "claims": {"H_one": hostile}}))
    judged = judge(evidence, [path])
    html, text = verdicts_html(judged), "\n".join(verdicts_markdown(judged))
    assert "<script>" not in html + text
    assert "<h3>H, one: &lt;script&gt;" in html
    assert "no clip against GRPO .2 (bounds 0.2/0.2)" in html
    assert html.count("<li") == 1
    assert 'class="supported"' in html
    assert "| H, one | **supported** |" in text
    assert "Claims: mine.yaml, sha256" in html
    assert "do not record" not in html
    assert (verdicts_html([]), verdicts_markdown([])) == ("", [])


def test_the_example_of_the_page_is_valid() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"
    example = page.read_text(encoding="utf-8").split("```yaml")[1].split("```")[0]
    assert list(parse(yaml.safe_load(example)).claims) == ["H1"]

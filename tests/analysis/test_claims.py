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
from analysis.claims.spec import parse
from analysis.claims.verdict import Verdict, verdicts
from analysis.evidence.evidence import Evidence, values
from analysis.logs.compact import RUNS, read_logs
from analysis.logs.run_folders import compact
from analysis.pages.verdicts import verdicts_html, verdicts_markdown
from analysis.statistics.words import seeds_for
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


def verdict(evidence: Evidence, **changes: Any) -> Verdict:
    given = {key: value for key, value in {**SCORE, **changes}.items() if value is not None}
    return verdicts(evidence, [parse({"claims": {"H": given}})])[0]["H"]


def why(evidence: Evidence, **changes: Any) -> str:
    found = verdict(evidence, **changes)
    assert (found.word, found.judgment) == ("not testable", None)
    return found.why


def compared(found: Verdict) -> list[tuple[str, str | None]]:
    return [(part.arm.name, part.other.name if part.other else None) for part in found.parts]


def test_a_verdict_is_welchs_interval_in_the_claims_direction(evidence: Evidence) -> None:
    mine, theirs = (values(evidence, evidence.primary, evidence.study.arm(n)) for n in ("no_clip", "grpo"))
    expected = stats.ttest_ind(theirs, mine, equal_var=False).confidence_interval()
    found = verdict(evidence)
    assert (found.word, found.judgment.pooled.n) == ("supported", 5)
    pooled = found.judgment.pooled
    assert (pooled.low, pooled.high) == pytest.approx((expected.low, expected.high))
    turned = verdict(evidence, direction="higher")
    assert (turned.word, turned.why) == ("refuted", "the effect is below 20 points")
    assert turned.judgment.pooled.difference == pytest.approx(-pooled.difference)


def test_claims_share_one_error_rate_whatever_their_file(evidence: Evidence) -> None:
    untestable = {**SCORE, "measure": "policy/grad_noise"}
    files = [
        parse({"claims": {"H": dict(SCORE), "N": untestable}}),
        parse({"claims": {"K": {**SCORE, "arms": {"level": ["response"]}}}}),
    ]
    (first, second) = verdicts(evidence, files)
    # two can be tested: .05 / 2 each
    assert (first["H"].judgment.alpha, second["K"].judgment.alpha) == (0.025, 0.025)
    assert first["N"].judgment is None


def test_a_claim_over_several_comparisons_is_their_mean(evidence: Evidence) -> None:
    arms = {"name": "*sp*"}  # gspo and both forms of sspo
    found = verdict(evidence, arms=arms, direction="higher", smallest_effect=0.01)
    assert compared(found) == [("gspo", "grpo"), ("sspo_05", "grpo"), ("sspo", "grpo")]
    mean = {
        name: np.mean(values(evidence, evidence.primary, evidence.study.arm(name)))
        for name in ("gspo", "sspo_05", "sspo", "grpo")
    }
    effects = [mean[name] - mean["grpo"] for name in ("gspo", "sspo_05", "sspo")]
    assert found.judgment.pooled.difference == pytest.approx(np.mean(effects))
    assert [part.found.difference for part in found.parts] == pytest.approx(effects)
    assert found.word == "mixed"  # gspo scores below grpo, sspo above it


def test_a_claim_that_one_arm_supports_and_another_refutes_is_mixed(tmp_path: Path) -> None:
    level = {"grpo": 0.6, "gspo": 0.4, "sspo": 0.9}
    arms = [dataclasses.replace(a, level=level[a.name]) for a in ARMS if a.name in level]
    found = verdict(make(tmp_path, arms), arms={"name": "*sp*"}, direction="higher", smallest_effect=0.01)
    assert compared(found) == [("gspo", "grpo"), ("sspo", "grpo")]
    assert found.word == "mixed"
    assert found.judgment.differ_p < 0.01


def test_an_inconclusive_claim_asks_for_the_seeds_of_the_effect_of_interest(tmp_path: Path) -> None:
    alike = [dataclasses.replace(a, level=0.8) for a in ARMS if a.name in ("grpo", "sspo_10")]
    evidence = make(tmp_path, alike, seeds=4)
    given = {"arms": {"level": ["subsentence"]}, "direction": "higher"}
    found = verdict(evidence, **given, smallest_effect=0.01)
    c = found.judgment.pooled
    assert found.word == "inconclusive"
    # at n runs an arm the error is the one seen times (4 / n)^.5, and the degrees of freedom grow with n - 1
    assert found.seeds == seeds_for(0.01, c.error * 2, c.df / 3, 0.05) > 4
    assert (
        found.why == f"about {found.seeds} runs per arm would show an effect of 1 points in 80 % of studies"
    )
    wide = verdict(evidence, **given, smallest_effect=c.high + 0.3)
    assert (wide.word, wide.seeds) == ("equivalent", None)


def test_a_bound_is_judged_by_one_sample(evidence: Evidence) -> None:
    given = {"measure": "policy/clip_frac_active", "against": None, "arms": {"level": ["response"]}}
    found = verdict(evidence, **given, bound=0.01, smallest_effect=0.005)
    assert (found.word, found.judgment.pooled.n, compared(found)) == ("refuted", 5, [("gspo", None)])
    # the arm clips .41 on the second of two updates and nothing on the first
    assert found.judgment.pooled.difference == pytest.approx(0.01 - 0.205, abs=0.03)
    assert verdict(evidence, **given, bound=0.5, smallest_effect=0.1).word == "supported"


def test_collapse_is_counted_with_exact_limits(evidence: Evidence) -> None:
    given = {"measure": "collapsed", "direction": "higher"}
    found = verdict(evidence, **given)
    # 5 of 5 against 0 of 5: exact limits .025^(1/5) = .47818 give 1 - hypot(.52182, .52182)
    assert (found.word, found.judgment.pooled.difference, found.judgment.pooled.high) == (
        "supported",
        1.0,
        1.0,
    )
    assert found.judgment.pooled.low == pytest.approx(1 - 0.52182 * 2**0.5, abs=1e-4)
    assert why(evidence, **given, arms={"level": ["response"]}) == "no run of these arms collapsed"


def test_fewer_than_four_runs_are_no_test(tmp_path: Path) -> None:
    three = make(tmp_path, [a for a in ARMS if a.name in ("base", "no_clip", "grpo")], seeds=3)
    assert why(three) == "a test needs 4 runs of each arm, and no clip has 3"


def test_adaptive_bounds_meet_the_fixed_ones_of_their_own_size(evidence: Evidence) -> None:
    given = {"arms": {"adapt": ["tanh"], "alpha_above": 0.0}, "against": {"adapt": ["none"]}}
    same = ["level", "clip_low", "clip_high", "target"]
    assert compared(verdict(evidence, **given, same=same, smallest_effect=0.02)) == [("sspo", "sspo_05")]
    assert {other for _, other in compared(verdict(evidence, **given))} == {"grpo", "gspo", "sspo_05"}
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
    assert compared(apart) == [("grpo", "sspo_05"), ("grpo_harsh", "sspo_05_harsh")]
    assert len(compared(verdict(evidence, **given))) == 3 * 2


def test_arms_may_be_named_by_a_pattern(evidence: Evidence) -> None:
    found = verdict(evidence, arms={"name": "sspo*"}, same=["term"])
    assert [arm for arm, _ in compared(found)] == ["sspo_05", "sspo"]


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
    assert verdict(evidence).word == "supported"


def test_a_controlled_arm_cannot_test_what_its_own_bounds_would_do(tmp_path: Path) -> None:
    arms = [dataclasses.replace(a, target=0.05) for a in ARMS if a.name in ("grpo", "gspo")]
    evidence = make(tmp_path, arms, seeds=1)
    given = {"arms": {"level": ["response"]}, "measure": "policy/clip_frac_active"}
    assert why(evidence, **given, free=True) == (
        "the clip rate of GSPO 3e-4/4e-4 is held or matched, not the arm's own"
    )
    assert why(evidence, **given) == "a test needs 4 runs of each arm, and GSPO 3e-4/4e-4 has 1"


def test_a_measure_that_no_run_has_is_named_once_on_the_page(evidence: Evidence, tmp_path: Path) -> None:
    given = {"measure": "policy/grad_noise", "arms": {"level": ["subsentence"]}}
    assert compared(verdict(evidence, **given)) == [("sspo_05", "grpo"), ("sspo", "grpo")]
    (tmp_path / "mine.yaml").write_text(json.dumps({"claims": {"H": {**SCORE, **given}}}))
    (file,) = judge(evidence, [tmp_path / "mine.yaml"])
    assert ["not logged in training" in line.evidence for line in file.lines] == [True]


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
        ({"against": None, "bound": 1.0, "measure": "collapsed"}, "not a yes or no"),
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
        ("claims: {2: {says: x}}", "mine.yaml: claims: a name must be letters"),
        ("claims: {H: 3}", "mine.yaml: claims.H must be a group of options, got 3"),
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
    assert "<span>H, one: &lt;script&gt;" in html
    assert "no clip against GRPO .2 (bounds 0.2/0.2)" in html
    assert html.count("<li") == 1
    assert 'class="supported"' in html
    assert "| H, one: &lt;script&gt;x&lt;/script&gt; \\| beats | **supported** (post hoc) |" in text
    assert "Claims: mine.yaml, sha256" in html
    assert "do not record" not in html
    assert (verdicts_html([]), verdicts_markdown([])) == ("", [])


def test_the_example_of_the_page_is_valid() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"
    example = page.read_text(encoding="utf-8").split("```yaml")[1].split("```")[0]
    assert list(parse(yaml.safe_load(example)).claims) == ["H1"]

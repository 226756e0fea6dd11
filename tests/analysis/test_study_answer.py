"""The sentence that answers a study's question, from scores that are set by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from synthetic_store import ARMS, FakeArm, Scale, write_study

from analysis.answer.differences import differences
from analysis.answer.first_screen import first_screen
from analysis.answer.sentence import MOST_WORDS, answer
from analysis.evidence.evidence import Evidence
from analysis.logs.compact import read_logs
from analysis.logs.run_folders import compact
from analysis.statistics.power import detectable_difference

GRPO, NO_CLIP = (arm for name in ("grpo", "no_clip") for arm in ARMS if arm.name == name)
SPREAD = (-0.01, 0.0, 0.0, 0.01)
"""Of four runs around their mean: sd sqrt(0.0002 / 3) = 0.0081650."""


def arm(name: str, label: str) -> FakeArm:
    return FakeArm(name=name, label=label, level=0.5, clip=0.01)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an arm, three others and one that does not clip, four runs each."""
    place = tmp_path_factory.mktemp("answers")
    arms = [GRPO, *(arm(f"x{i}", f"x {i}") for i in range(3)), NO_CLIP]
    compact(place / "store", write_study(place / "store", arms, Scale(seeds=4, rollouts=2)), place / "logs")
    return place / "logs"


def scored(logs: Path, means: Mapping[str, float], labels: Mapping[str, str] | None = None) -> Evidence:
    """The study with these scores in place of its own: SPREAD around each arm's mean."""
    read = read_logs(logs)
    if labels:
        arms = [{**a, "label": labels.get(a["name"], a["label"])} for a in read.manifest["arms"]]
        read = replace(read, manifest={**read.manifest, "arms": arms})
    evidence = Evidence(read)
    values = evidence.primary.copy()
    for one in evidence.study.arms:
        for run, off in zip(evidence.counted(one), SPREAD, strict=True):
            values.loc[run, :] = means[one.name] + off
    evidence.__dict__["primary"] = values
    evidence.__dict__["scores"] = lambda mode, temperature: values
    return evidence


def test_the_sentence_names_few_arms_with_the_intervals_of_the_table(logs: Path) -> None:
    evidence = scored(logs, {"grpo": 0.5, "x0": 0.4, "x1": 0.502, "x2": 0.6, "no_clip": 0.2})
    # every standard error is 0.0081650 sqrt(2 / 4) = 0.0057735 at 6 degrees of freedom. Holm over four arms: no clip at 0.05 / 4,
    # then x0 and x2 at 0.05 / 3 and 0.05 / 2, x1 at 0.05
    half = {level: 100 * stats.t.ppf(1 - level / 2, 6) * 0.0057735 for level in (0.05, 0.025, 0.05 / 3)}
    lower = f"x 0 scores 10.0 [{10 - half[0.05 / 3]:.1f}, {10 + half[0.05 / 3]:.1f}] points lower than GRPO .2 (50.0)"
    higher = f"x 2 scores 10.0 [{10 - half[0.025]:.1f}, {10 + half[0.025]:.1f}] points higher"
    same = f"x 1 (+0.2 [−{half[0.05] - 0.2:.1f}, +{half[0.05] + 0.2:.1f}]) is not distinguished."
    assert answer(evidence).startswith(f"{lower}; {higher}; {same} Differences of ")
    found = differences(evidence)
    assert found is not None
    assert found.no_clip is not None
    assert found.tested == 3


def test_what_could_have_been_found_is_found_with_the_power_that_is_said() -> None:
    # 100,000 studies of two arms of four normal runs whose means differ by that much
    least = detectable_difference(np.sqrt(2 / 4), 6, 0.05)
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (100_000, 4)), rng.normal(least, 1, (100_000, 4))
    p = stats.ttest_ind(x, y, axis=1).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.8, abs=0.005)


def test_without_a_finding_the_range_and_its_intervals_stand(logs: Path) -> None:
    said = answer(scored(logs, {"grpo": 0.5, "x0": 0.5, "x1": 0.502, "x2": 0.495, "no_clip": 0.5}))
    assert said.startswith("None of 3 arms is distinguished from GRPO .2 (50.0): differences of −0.5 [")
    assert " to +0.2 [" in said


@settings(max_examples=6)
@given(
    labels=st.lists(st.text("ab ", min_size=1, max_size=40), min_size=3, max_size=3),
    means=st.lists(st.sampled_from([0.2, 0.4, 0.495, 0.5, 0.6]), min_size=4, max_size=4),
)
def test_it_is_never_longer_than_its_limit(logs: Path, labels: Sequence[str], means: Sequence[float]) -> None:
    names = ("x0", "x1", "x2", "no_clip")
    evidence = scored(
        logs, {"grpo": 0.5, **dict(zip(names, means, strict=True))}, dict(zip(names, labels, strict=False))
    )
    said = answer(evidence)
    assert len(said.split()) <= MOST_WORDS
    assert "could have been detected (80 % power)" in said


def test_no_clip_that_is_not_apart_is_no_finding_and_arms_without_a_p_are_counted(logs: Path) -> None:
    evidence = scored(logs, {"grpo": 0.5, "x0": 0.4, "x1": 0.3, "x2": 0.6, "no_clip": 0.5})
    # three of the four runs of x1 and x2 are left, which is too few for a p
    lost = [evidence.counted(arm)[0] for arm in evidence.study.arms if arm.name in ("x1", "x2")]
    kept = evidence.primary.drop(lost)
    evidence.__dict__["primary"] = kept
    evidence.__dict__["scores"] = lambda mode, temperature: kept
    said = answer(evidence)
    assert said.startswith("x 0 scores 10.0 [")
    assert "] points lower than GRPO .2 (50.0); no clip (+0.0 [" in said
    assert "]) is not distinguished; 2 arms could not be tested. Differences of " in said


def test_where_nothing_is_tested_it_says_why(tmp_path: Path) -> None:
    arms = [a for a in ARMS if a.name in ("base", "grpo", "gspo")]
    compact(tmp_path / "store", write_study(tmp_path / "store", arms, Scale(rollouts=2)), tmp_path / "logs")
    evidence = Evidence(read_logs(tmp_path / "logs"))
    scores = {
        a.name: 100 * np.mean([*evidence.of_arm(evidence.primary, a).values()])
        for a in evidence.study.arms[1:]
    }
    better, worse = sorted(scores, key=lambda name: -scores[name])
    label = {"grpo": "GRPO .2", "gspo": "GSPO 3e-4/4e-4"}
    assert answer(evidence) == (
        "Nothing is tested: a test needs 4 scored runs of both arms. "
        f"Averages: {label[better]} {scores[better]:.1f} and {label[worse]} {scores[worse]:.1f}."
    )
    shown = first_screen(evidence)
    assert shown.standing == "preset paper · exploratory"
    assert "7 of 7 runs ended" in shown.facts
    assert "3 seeds per arm" in shown.facts

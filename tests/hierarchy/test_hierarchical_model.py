"""The hierarchical model on answers whose truth is known, and what it refuses or does not trust."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special, stats
from synthetic_store import ARMS, Scale, write_study

from analysis.evidence.evidence import Evidence
from analysis.hierarchy import command, model
from analysis.hierarchy.abilities import abilities
from analysis.hierarchy.answers import Answers, answers_of
from analysis.hierarchy.model import fit
from analysis.hierarchy.opinion import Fit
from analysis.logs.compact import Logs, read_logs
from analysis.logs.run_folders import compact
from sspo.errors import UserError
from tests.bench.hierarchy import simulated

FEW = [arm for arm in ARMS if arm.name in ("base", "no_clip", "grpo", "sspo")]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of reports with the logs of one study."""
    store = tmp_path_factory.mktemp("store")
    manifest = write_study(store, FEW, Scale(seeds=4, rollouts=2, questions=8))
    compact(store, manifest, store / "reports" / "toy" / "logs")
    return store / "reports"


@pytest.fixture(scope="module")
def logs(out: Path) -> Logs:
    return read_logs(out / "toy" / "logs")


def test_abilities_are_the_maximum_of_the_penalized_likelihood() -> None:
    # given the questions; that sets sum to zero moves it by less than a hundredth, for penalties are of what is drawn
    answers, _ = simulated(np.random.default_rng(1), questions=10)
    found = abilities(answers)
    set_AS = found.offset_AQ.reshape(2, 2, 10).mean(axis=-1)
    question_Q = (found.offset_AQ - np.repeat(set_AS, 10, axis=1))[0]

    def loss(x: np.ndarray) -> float:
        run_R, set_A = x[:16], x[16:]
        logit_RQ = (
            run_R[:, None] + np.stack([set_A, -set_A], axis=1)[answers.arm_R][:, answers.set_Q] + question_Q
        )
        fitted = answers.right_RQ * logit_RQ - answers.asked_RQ * np.logaddexp(0, logit_RQ)
        return float(-fitted.sum() + (run_R**2).sum() / 18 + (set_A**2).sum() / 4)

    best = optimize.minimize(loss, np.zeros(18), method="BFGS", options={"gtol": 1e-8})
    assert found.ability_R == pytest.approx(best.x[:16], abs=0.01)
    assert set_AS[:, 0] == pytest.approx(best.x[16:], abs=0.01)
    assert np.abs(question_Q.reshape(2, 10).mean(axis=1)).max() < 1e-6


def test_a_fit_finds_a_large_study_s_truth_and_equals_itself() -> None:
    # 200 runs of 2,000 answers an arm leave nothing to chance: accuracy is E[1 / (1 + exp(-x))] of x ~ Normal(.8, .4) and Normal(0, .2)
    rng = np.random.default_rng(0)
    arm_R = np.repeat([0, 1], 200)
    ability_R = np.array([0.8, 0.0])[arm_R] + np.array([0.4, 0.2])[arm_R] * rng.normal(size=400)
    asked_RQ = np.full((400, 20), 100)
    right_RQ = rng.binomial(asked_RQ, special.expit(ability_R[:, None]))
    answers = Answers(right_RQ, asked_RQ, arm_R, np.repeat([0, 1], 10), ("a", "b"), 2)
    found = fit(answers, seed=1, warmup=300, draws=300, chains=2)
    x = np.linspace(-8, 8, 20001)
    truth = [
        float(np.trapezoid(special.expit(m + s * x) * stats.norm.pdf(x), x))
        for m, s in ((0.8, 0.4), (0.0, 0.2))
    ]
    assert found.accuracy_DA.mean(axis=0) == pytest.approx(truth, abs=0.015)
    assert found.spread_DA.mean(axis=0) == pytest.approx([0.4, 0.2], abs=0.05)
    assert found.divergences == 0
    again = fit(answers, seed=1, warmup=300, draws=300, chains=2)
    assert np.array_equal(again.accuracy_DA, found.accuracy_DA)


def test_a_robust_fit_is_not_led_astray_by_one_run() -> None:
    rng = np.random.default_rng(2)
    ability_R = np.array([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0, -3.0, *(1.0 + 0.1 * rng.normal(size=8))])
    asked_RQ = np.full((16, 20), 100)
    right_RQ = rng.binomial(asked_RQ, special.expit(ability_R[:, None]))
    answers = Answers(right_RQ, asked_RQ, np.repeat([0, 1], 8), np.zeros(20, dtype=np.int64), ("a", "b"), 1)
    plain, robust = (fit(answers, seed=0, robust=r, warmup=300, draws=300, chains=2) for r in (False, True))
    assert robust.spread_DA[:, 0].mean() < 0.7 * plain.spread_DA[:, 0].mean()


def test_counts_are_those_of_the_rows(logs: Logs) -> None:
    answers, left_out = answers_of(Evidence(logs))
    assert (answers.arms, answers.sets, left_out) == (("no_clip", "grpo", "sspo"), 5, [])
    rows = logs.evaluation
    mine = rows[(rows["run"] == 5) & rows["final"] & (rows["mode"] == "sampled")]
    assert answers.right_RQ[4].sum() == mine["value"].sum()
    assert answers.asked_RQ[4].sum() == len(mine)


def test_scores_that_are_no_counts_and_single_arms_are_refused(logs: Logs) -> None:
    graded = dataclasses.replace(logs, evaluation=logs.evaluation.assign(value=0.3))
    with pytest.raises(UserError, match="not all right or wrong"):
        answers_of(Evidence(graded))
    gone = logs.evaluation["run"].isin([3, 7])
    fewer = dataclasses.replace(
        logs,
        runs=tuple({**r, "status": "failed"} if i in (3, 7) else r for i, r in enumerate(logs.runs)),
        evaluation=logs.evaluation[~gone],
    )
    with pytest.raises(UserError, match="has 1 arms with 4 scored runs"):
        answers_of(Evidence(fewer))


def test_divergences_that_stay_are_said_aloud_and_end_with_1(
    out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[float] = []

    def diverging(answers: Answers, *, seed: int, robust: bool, target_accept: float) -> Fit:
        tried.append(target_accept)
        rng = np.random.default_rng(seed)
        return Fit(rng.random((100, 3)), rng.random((100, 3)), 3, 1.0, 1000.0, target_accept)

    monkeypatch.setattr(model, "fit", diverging)
    monkeypatch.setattr("sys.argv", ["analysis", "hierarchy", "toy", "--out", str(out)])
    from analysis.__main__ import main

    assert main() == 1
    assert tried == list(command.ACCEPTANCES)
    said = capsys.readouterr()
    assert "NOT TO BE TRUSTED (3 divergences)" in said.out
    assert "3 divergences at target acceptance 0.95" in said.err


def test_the_command_prints_its_opinion_and_writes_it_where_it_is_told(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "sys.argv", ["analysis", "hierarchy", "toy", "--out", str(out), "--to", str(tmp_path / "a.csv")]
    )
    from analysis.__main__ import main

    assert main() == 0
    assert "Trusted: 0 divergences" in capsys.readouterr().out
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["no_clip", "grpo", "sspo"]
    assert sorted(path.name for path in (out / "toy").iterdir()) == ["logs"]  # no part of a report

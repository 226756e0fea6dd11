"""A run on reward=math_verify: what it logs of statuses, of rewards that are added up, and of a second grader."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import pytest

from sspo.compose.fast import quick_compose
from sspo.console.progress import Progress
from sspo.errors import UserError
from sspo.replay.fidelity import agreement
from sspo.replay.source import open_run
from sspo.rewards.math_verify import MathVerify
from sspo.runs.tracking import NoTracker
from sspo.tasks.chain import ChainTask
from sspo.trainer.loop import Trainer
from sspo.types import Problem
from tests.trainer.runs import TINY, lines

OPTIONS = (
    "reward=math_verify",
    "reward.also=['exact_answer*0.5','brevity*0.25']",
    "reward.second=8",
    "trainer.rollouts=1",
    "trainer.record=1",
    "trainer.samples_every=0",
    "evaluation.every=0",
    "evaluation.max_tokens=64",
    "evaluation.questions=2",
    "run.device=cpu",
)


def test_a_graded_run_logs_every_status_part_and_disagreement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ChainTask, "eval_sets", ("short",))  # five take seconds
    trainer = Trainer(quick_compose([*TINY, *OPTIONS]), tmp_path, Progress("test"))
    trainer.run(NoTracker())
    *_, last = lines(tmp_path / "metrics.jsonl")
    states = ("accuracy", "wrong_frac", "unparsable_frac", "timeout_frac", "crashed_frac", "truncated_frac")
    assert sum(last[f"rollout/{state}"] for state in states) == pytest.approx(1)
    assert last["rollout/timeout_frac"] == last["rollout/crashed_frac"] == 0
    parts = {name: last[f"reward/part/{name}"] for name in ("math_verify", "exact_answer", "brevity")}
    assert last["reward/mean"] == pytest.approx(
        parts["math_verify"] + 0.5 * parts["exact_answer"] + 0.25 * parts["brevity"]
    )
    assert parts["math_verify"] == pytest.approx(last["rollout/accuracy"])
    # the last number of a chain's answer is the stated one, so both graders of it agree on every whole answer
    assert parts["math_verify"] >= parts["exact_answer"] > 0
    assert last["rollout/second_answers"] == 8
    assert 0 <= last["rollout/grader_disagreement_frac"] <= 1
    run = open_run(tmp_path)
    found = agreement(run.read(run.files[0]), run.config, run.logged_steps())
    assert found.holds, found.where
    rows = lines(tmp_path / "eval.jsonl")
    assert {row["value"] for row in rows} <= {0.0, 1.0}  # by reward.name alone
    seen = [row for row in rows if "second" in row]
    assert {row["second"] for row in seen} <= {"ok", "wrong", "unparsable"}
    assert 0 < len(seen) <= len(rows)
    versions = json.loads((tmp_path / "env.json").read_text())["versions"]
    for package in ("math-verify", "latex2sympy2_extended", "sympy", "antlr4-python3-runtime"):
        assert versions[package] == version(package)


@pytest.mark.parametrize("also", [(), ("reward=exact_answer", "reward.also=['math_verify*1']")])
def test_right_answers_are_looked_at_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, also: tuple[str, ...]
) -> None:
    def check(reward: MathVerify, problems: Iterable[Problem]) -> None:
        raise UserError(f"seen: {sorted({problem.id.partition('/')[0] for problem in problems})}")

    monkeypatch.setattr(MathVerify, "check", check)
    with pytest.raises(UserError, match=r"seen: .*'train'"):
        Trainer(quick_compose([*TINY, *OPTIONS, *also]), tmp_path / "run", Progress("test"))
    assert not (tmp_path / "run").exists()

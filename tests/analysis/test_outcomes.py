"""Results by question of other tools: real files of each, against the aggregates that the tool itself wrote beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.importers.outcomes.answers import STATUSES
from analysis.importers.outcomes.outcomes import COLUMNS, Outcomes
from analysis.importers.outcomes.read import read_outcomes
from analysis.logs.compact import Logs
from sspo.types import STATUSES as KNOWN

FIXTURES = Path(__file__).parent / "fixtures" / "outcomes"
LM_EVAL = FIXTURES / "lm_eval"
(SUMS,) = LM_EVAL.glob("samples_sums_2*.jsonl")


def means(one: Outcomes) -> dict[str, float]:
    return {str(name): float(mean) for name, mean in one.rows.groupby("set")["value"].mean().items()}


def of_sets(logs: Logs) -> dict[str, float]:
    return {
        str(k): float(v) for k, v in logs.evaluation.groupby("set", observed=True)["value"].mean().items()
    }


def test_statuses_are_those_of_scores() -> None:
    assert set(STATUSES) == set(KNOWN)


@pytest.mark.parametrize(
    "metrics",
    [
        ("exact_match,flexible-extract", "exact_match,maj@4"),
        ("exact_match,strict-match", "exact_match,score-first"),
    ],
)
def test_lm_eval_gives_its_own_aggregates(metrics: tuple[str, str]) -> None:
    (one,) = read_outcomes(LM_EVAL, metrics)
    (results,) = LM_EVAL.glob("results_*.json")
    written = json.loads(results.read_text())["results"]
    assert means(one) == {
        name: written[name][metric] for name, metric in zip(("sums", "sums_sampled"), metrics, strict=True)
    }
    assert tuple(one.rows.columns) == COLUMNS
    assert one.scored_by["tool"] == "lm-eval"
    assert one.scored_by["version"] == "0.4.13"
    assert one.scored_by["temperature"] == "sums: 0; sums_sampled: 0.7"
    assert one.scored_by["k"] == "sums: 1; sums_sampled: 4"
    assert set(one.rows["status"]) <= {"ok", "wrong", "unparsable"}


@pytest.mark.parametrize("trainer", ["ray_trainer", "v1"])
def test_verl_gives_what_its_validation_logs(trainer: str) -> None:
    """Both writers, with and without ids: eight prompts of four samples each."""
    (one,) = read_outcomes(FIXTURES / "verl" / trainer)
    logged = json.loads((FIXTURES / "verl" / "process_validation_metrics.json").read_text())["sums"]["acc"]
    assert means(one) == {"validation": logged["mean@4"]}
    assert one.rows.groupby("question").size().tolist() == [4] * 8
    assert one.step == 20
    by_question = one.rows.groupby("question")["value"]
    spread = by_question.std(ddof=0).mean()
    assert spread == pytest.approx(logged["std@4"], abs=1e-12)

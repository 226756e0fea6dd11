"""Results by question of other tools: real files of each, against the aggregates that the tool itself wrote beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from analysis.checks.scored import scored_apart
from analysis.evidence.evidence import Evidence
from analysis.importers.outcomes.outcomes import COLUMNS, Outcomes
from analysis.importers.outcomes.read import read_outcomes
from analysis.logs.compact import STATUSES, Logs
from analysis.report import make_tables
from sspo.errors import UserError
from sspo.types import STATUSES as KNOWN
from tests.analysis.foreign_logs import imported

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


@pytest.mark.parametrize(("name", "samples", "temperature"), [("greedy", 1, "0"), ("sampled", 3, "0.7")])
def test_evalscope_gives_the_score_of_its_report(name: str, samples: int, temperature: str) -> None:
    folder = FIXTURES / "evalscope" / name
    (one,) = read_outcomes(folder)
    (report,) = folder.glob("reports/*/gsm8k.json")
    (metric,) = json.loads(report.read_text())["metrics"]
    assert means(one) == {"gsm8k_default": metric["score"]}
    assert one.rows.groupby("question").size().tolist() == [samples] * 8
    assert one.rows["tokens"].between(1, 24).all()
    said = {
        "version": "1.14.1",
        "temperature": temperature,
        "k": str(samples),
        "max_tokens": "24",
        "fewshot": "0",
    }
    said |= {"grader": "accuracy of gsm8k v1.1", "model": "SmolLM2-135M-Instruct"}
    assert one.scored_by.items() >= said.items()
    assert one.scored_by["prompt"].startswith("{question} Please reason step by step")


@pytest.mark.parametrize(
    ("name", "task", "metric", "k"),
    [
        ("sampled", "sums_avg", "avg@n:n=4", "4"),
        ("sampled", "sums_avg", "pass@k:k=2&n=4", "4"),
        ("greedy", "sums", "extractive_match", "1"),
    ],
)
def test_lighteval_gives_the_numbers_of_its_results(name: str, task: str, metric: str, k: str) -> None:
    folder = FIXTURES / "lighteval" / name
    (one,) = read_outcomes(folder, (metric,))
    (results,) = folder.rglob("results_*.json")
    assert means(one)[task] == pytest.approx(
        json.loads(results.read_text())["results"][f"{task}|0"][metric], abs=1e-12
    )
    assert len(one.rows) == 8
    said = {"grader": f"{metric} of {task} 0", "k": k, "fewshot": "0", "max_tokens": "40"}
    assert one.scored_by.items() >= said.items()


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


def lines(*rows: Mapping[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def dump(folder: Path, name: str, answers: Mapping[str, list[float]], **more: Any) -> Path:
    """A dump of verl: samples by question."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    step = int(path.stem)
    rows = [
        {"input": asked, "output": "x", "gts": "1", "score": value, "step": step, **more}
        for asked, values in answers.items()
        for value in values
    ]
    path.write_text(lines(*rows))
    return path


def test_an_import_makes_tables_of_questions_and_samples(tmp_path: Path) -> None:
    """Arm a: questions right in 2 and 0 of 2 samples, then 1 and 1; arm b: 2 and 1, then 2 and 2."""
    given = {
        "a:0": ([1, 1], [0, 0]),
        "a:1": ([1, 0], [0, 1]),
        "b:0": ([1, 1], [1, 0]),
        "b:1": ([1, 1], [1, 1]),
    }
    sources = []
    for i, (who, (one, two)) in enumerate(given.items()):
        dump(tmp_path / str(i), "10.jsonl", {"p": [0, 0], "q": [0, 0]})
        sources.append(f"{who}={dump(tmp_path / str(i), '20.jsonl', {'p': one, 'q': two}).parent}")
    logs = imported(tmp_path, sources, ())
    evidence = Evidence(logs)
    assert logs.manifest["primary"]["step"] == 20
    assert logs.runs[0]["scored_by"] == {"tool": "verl", "grader": "score", "k": "2"}
    assert "1 other step left out" in logs.runs[0]["reason"]
    table = make_tables(evidence, None)["results"]
    assert table is not None
    # a: 2/4 and 2/4; b: 3/4 and 4/4
    data = {row.cells[0].data["arm"]: row.cells[1].data["average_mean"] for row in table.rows}
    assert data == {"a": 50.0, "b": 87.5}
    # a, seed 0: question means 1 and 0 have a variance of 1/2, so the error of their mean is the root of 1/4
    error = evidence.evaluation_errors(evidence.study.mode, evidence.study.temperature)[0]
    assert error.clustered == pytest.approx(0.5)
    assert "Scored by score;" in " ".join(table.notes)
    assert "The temperature of a, b" in " ".join(table.common)


def test_arms_of_two_tools_are_flagged_setting_by_setting(tmp_path: Path) -> None:
    theirs = dump(tmp_path / "v", "5.jsonl", {f"p{i}": [1.0] for i in range(6)})
    sources = [f"lm:0={SUMS}", f"rl:0={theirs}"]
    logs = imported(
        tmp_path, sources, ("exact_match,flexible-extract", "score"), labels={"validation": "sums"}
    )
    said = " ".join(scored_apart(Evidence(logs)))
    assert "Scored differently: tool is lm-eval for lm, verl for rl." in said
    assert "grader is exact_match,flexible-extract of sums 3 for lm, score for rl" in said
    assert "The temperature of rl is not recorded:" in said
    assert "version" not in said
    assert "Different questions of sums: rl (6) and lm (8) share 0." in said
    again = shutil.copytree(LM_EVAL, tmp_path / "again") / SUMS.name
    metric = ("exact_match,flexible-extract",)
    assert not list(scored_apart(Evidence(imported(tmp_path, [f"a:0={SUMS}", f"b:0={again}"], metric))))
    with pytest.raises(UserError, match="b seed 0 and a seed 0 are the same evaluation"):
        imported(tmp_path, [f"a:0={SUMS}", f"b:0={SUMS}"], metric)


def test_files_of_several_sets_are_one_run_and_a_set_twice_is_none(tmp_path: Path) -> None:
    (other,) = LM_EVAL.glob("samples_sums_sampled_*.jsonl")
    metrics = ("exact_match,flexible-extract", "exact_match,score-first")
    logs = imported(tmp_path, [f"a:0={SUMS}", f"a:0={other}"], metrics)
    assert of_sets(logs) == {"sums": 0.625, "sums_sampled": 0.5}
    assert len(logs.runs) == 1
    with pytest.raises(UserError, match="two evaluations of 'sums'"):
        imported(tmp_path, [f"a:0={SUMS}", f"a:0={LM_EVAL}"], metrics)


def test_an_aggregate_that_is_not_that_of_the_rows_is_named(tmp_path: Path) -> None:
    shutil.copytree(LM_EVAL, tmp_path / "out")
    (results,) = (tmp_path / "out").glob("results_*.json")
    content = json.loads(results.read_text())
    content["results"]["sums"]["exact_match,flexible-extract"] = 0.75
    results.write_text(json.dumps(content))
    logs = imported(tmp_path, [f"a:0={tmp_path / 'out' / SUMS.name}"], ("exact_match,flexible-extract",))
    assert "its rows of sums have a mean of 0.625, its results file reports 0.75" in logs.runs[0]["reason"]


def evaluation(folder: Path, rows: list[dict[str, Any]], done: bool = True) -> Path:
    """An evaluation folder of ours."""
    folder.mkdir()
    (folder / "eval.jsonl").write_text(lines(*rows))
    (folder / "config.yaml").write_text("reward: {name: exact_answer}\nmodel: {path: /somewhere/else/m}\n")
    if done:
        (folder / "DONE.json").write_text("{}")
    return folder


def row(**more: Any) -> dict[str, Any]:
    plain = {"rollout": 0, "final": True, "set": "s", "question": "q", "mode": "greedy", "temperature": 0.0, "sample": 0,
             "value": 1.0, "status": "ok", "tokens": 3, "answer": None, "response": "x"}  # fmt: skip
    return plain | more


def test_our_own_evaluations_are_read_as_they_are(tmp_path: Path) -> None:
    rows = [row(), row(question="r", value=0.0, status="truncated")]
    rows += [
        row(question=q, mode="sampled", temperature=1.0, sample=i, answer="5") for q in "qr" for i in range(2)
    ]
    (one,) = read_outcomes(evaluation(tmp_path / "e", rows))
    assert one.rows["value"].tolist() == [1.0, 0.0, 1.0, 1.0, 1.0, 1.0]
    assert one.rows["answer"].tolist() == [None, None, "5", "5", "5", "5"]
    assert one.rows["truncated"].tolist() == [False, True, False, False, False, False]
    assert one.scored_by == {
        "tool": "sspo",
        "grader": "exact_answer",
        "model": "m",
        "temperature": "0 and 1",
        "k": "1 and 2",
        "prompt": "none",
        "top_p": "1.0",
        "top_k": "0",
        "engine": "transformers",
        "stream": "batch",
        "numbers": "epoch1",
        "stop": "none",
        "system prompt": "none",
    }
    logs = imported(tmp_path, [f"a:0={tmp_path / 'e'}"], ())
    assert (logs.manifest["primary"]["mode"], logs.manifest["primary"]["temperature"]) == ("sampled", 1.0)
    with pytest.raises(UserError, match=r"e2 is incomplete: it has no DONE.json"):
        read_outcomes(evaluation(tmp_path / "e2", rows, done=False))


SPOILED: dict[str, tuple[str, str]] = {
    "no ids": (
        lines({"filtered_resps": ["1"], "resps": [["1"]], "arguments": {}, "doc": {}, "filter": "f", "metrics": ["m"], "m": 1}),
        "without question ids",
    ),
    "NaN": ('{"input": "p", "output": "x", "score": NaN, "step": 1}\n', "line 1 is not JSON"),
    "damaged in the middle": (
        lines({"input": "p", "output": "x", "score": 1, "step": 1}) + "{x\n{}\n",
        "line 2 is not a JSON object",
    ),
    "beyond a share": (lines({"input": "p", "output": "x", "score": -1.0, "step": 1}), "share in"),
    "uneven": (
        lines(*({"input": p, "output": "x", "score": 1, "step": 1} for p in "ppq")),
        "has 1 of 2 samples",
    ),
    "two texts": (
        lines(*(
            {"doc_id": 0, "doc_hash": h, "filtered_resps": ["1"], "resps": [["1"]], "arguments": {}, "doc": {}, "filter": "f",
             "metrics": ["m"], "m": 1} for h in "ab"
        )),
        "two different texts for question 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILED)
def test_bad_files_are_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    text, said = SPOILED[name]
    (tmp_path / "1.jsonl").write_text(text)
    with pytest.raises(UserError, match=said):
        read_outcomes(tmp_path / "1.jsonl")


def test_other_refusals_name_what_is_valid(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="several metrics"):
        read_outcomes(SUMS)
    with pytest.raises(UserError, match="did you mean 'exact_match,flexible-extract'"):
        read_outcomes(SUMS, ("exact_match,flexible_extract",))
    shutil.copytree(LM_EVAL, tmp_path / "cut")
    cut = tmp_path / "cut" / SUMS.name
    cut.write_text("".join(cut.read_text().splitlines(keepends=True)[:-2]))
    with pytest.raises(UserError, match="it has 6 documents of the 8"):
        read_outcomes(cut, ("exact_match,flexible-extract",))
    (tmp_path / "log.jsonl").write_text(lines({"step": 1, "acc": 0.5}))
    with pytest.raises(UserError, match="import logs and results by question as two studies"):
        imported(
            tmp_path, [f"a:0={SUMS}", f"b:0={tmp_path / 'log.jsonl'}"], ("exact_match,flexible-extract",)
        )
    for i, group in enumerate(("s", "t")):
        dump(tmp_path / group, "1.jsonl", {"p": [1]}, data_source=f"set{i}")
    with pytest.raises(UserError, match="no run has every set"):
        imported(tmp_path, [f"a:0={tmp_path / 's'}", f"b:0={tmp_path / 't'}"], ())


def test_a_last_line_that_is_torn_is_left_out_and_said(tmp_path: Path) -> None:
    path = dump(tmp_path / "d", "3.jsonl", {"p": [1], "q": [0]})
    path.write_text(path.read_text() + '{"input": "r", "ou')
    (one,) = read_outcomes(path)
    assert (len(one.rows), one.note) == (2, "its last line is torn")


def test_sessions_of_several_parts_count_once_and_equal_prompts_are_told_apart(tmp_path: Path) -> None:
    """uid is prompt, session, part: u has sessions of 2 and 1 parts; v is another prompt of the same words."""
    uids = {"u_0_0": 0.0, "u_0_1": 1.0, "u_1_0": 0.0, "v_0_0": 1.0, "v_1_0": 1.0}
    rows = [
        {"input": "p", "output": "x", "score": value, "step": 1, "uid": uid} for uid, value in uids.items()
    ]
    (tmp_path / "1.jsonl").write_text(lines(*rows))
    (one,) = read_outcomes(tmp_path / "1.jsonl")
    assert one.rows.groupby("question", sort=False)["value"].apply(list).tolist() == [[1.0, 0.0], [1.0, 1.0]]

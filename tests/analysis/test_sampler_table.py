"""The report's table of samplers: by hand, inert in every rendering, and only where a run logged it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis.evidence.evidence import Evidence
from analysis.logs.compact import METRICS, OPTIONAL_METRICS, RUNS, read_logs
from analysis.logs.run_folders import compact
from analysis.logs.trace import RECORD, metric
from analysis.pages.html_tables import table_html
from analysis.tables.sampler import sampler_table
from analysis.text.latex_table import to_latex
from analysis.text.table import to_markdown
from tests.analysis.synthetic_store import ARMS, FakeArm, Scale, write_study

HOSTILE = FakeArm(name="odd", label="<b>vLLM_$ & co", level=0.8, clip=0.1)
TWO = [*[arm for arm in ARMS if arm.name == "grpo"], HOSTILE]
SCALE = Scale(seeds=2, rollouts=2, questions=2, samples=1)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    manifest = write_study(tmp_path, TWO, SCALE)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def logs_of(store: Path) -> Path:
    compact(store, json.loads((store / "manifest.json").read_text()), store / "logs", as_ended=False)
    return store / "logs"


def amend(store: Path, seed: int, engine: str, values: list[dict[str, float | None]]) -> None:
    """Give the hostile arm's run of a seed an engine, and the last line of each rollout these metrics."""
    cell = json.loads((store / "manifest.json").read_text())["arms"][1]["cell"]
    (folder,) = store.glob(f"cells/{cell}/seed{seed}")
    config = folder / "config.yaml"
    config.write_text(config.read_text() + f"rollout:\n  engine: {engine}\n")
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for rollout, more in enumerate(values):
        max((row for row in rows if row["rollout"] == rollout), key=lambda row: row["update"]).update(more)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def logged(mean: float, largest: float, frac: float) -> dict[str, float | None]:
    return {"rollout/mismatch_mean": mean, "rollout/mismatch_max": largest, "rollout/mismatch_frac": frac}


def test_mismatch_by_arm_and_engine(store: Path) -> None:
    amend(store, 0, "vllm", [logged(0.002, 0.03, 0.01), logged(0.004, 0.02, 0.03)])
    amend(store, 1, "vllm", [logged(0.005, 0.01, 0.0), logged(0.005, 0.04, 0.0)])
    logs = logs_of(store)
    table = sampler_table(Evidence(read_logs(logs)))
    assert table is not None
    # the values of two runs, as four make a mean worth its interval: .003 and .005, .02 and 0; the largest of all .04
    assert table.columns == ("arm", "engine", "mean", "largest", "above 0.01, %")
    rows = {row.key: [cell.text for cell in row.cells] for row in table.rows}
    assert rows["odd"] == ["<b>vLLM_$ & co", "vllm", "0.00300 / 0.00500", "0.0400", "2.00 / 0"]
    assert rows["grpo"] == ["GRPO .2", "transformers", "–", "–", "–"]
    mean = table.rows[1].cells[2]
    assert mean.data["rollout/mismatch_mean_mean"] == pytest.approx(0.004)
    assert mean.trace is not None
    assert set(mean.trace.reads) == {metric("rollout/mismatch_mean")}
    assert [value for _, value in mean.trace.values] == pytest.approx([0.003, 0.005])
    engine = table.rows[1].cells[1].trace
    assert engine is not None
    assert set(engine.reads) == {RECORD}
    assert "<b>" not in to_markdown(table) + table_html(table)
    assert r"vLLM\_\$ \& co" in to_latex(table)
    assert {record.get("engine") for record in json.loads((logs / RUNS).read_text())} == {None, "vllm"}
    kept = set(OPTIONAL_METRICS) & set(pq.read_schema(logs / METRICS).names)
    assert kept == set(logged(0, 0, 0))


def test_what_an_option_logs_has_columns_where_it_was_on(store: Path) -> None:
    more = {"policy/mis_masked_frac": 0.25, "policy/tis_weight_mean": 0.98}
    amend(store, 0, "transformers", [logged(1e-6, 3e-6, 0.0) | more])
    table = sampler_table(Evidence(read_logs(logs_of(store))))
    assert table is not None
    assert table.columns[-2:] == ("masked %", "TIS weight")
    assert [cell.text for cell in table.rows[1].cells[1:]] == [
        "transformers", "1.0e−6", "3.0e−6", "0", "25.0", "0.980",
    ]  # fmt: skip
    assert "objective.mis_cap" in table.meanings["masked %"]


def test_where_nothing_was_logged_nothing_is_added(store: Path) -> None:
    logs = logs_of(store)
    assert sampler_table(Evidence(read_logs(logs))) is None
    assert not set(OPTIONAL_METRICS) & set(pq.read_schema(logs / METRICS).names)
    assert all("engine" not in record for record in json.loads((logs / RUNS).read_text()))

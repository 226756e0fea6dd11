"""An evaluation of SmolLM2-135M-Instruct on GSM8K: the same rows, whatever is asked at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared_data import DATA, needs_data

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "SmolLM2-135M-Instruct"
pytestmark = [
    needs_data,
    pytest.mark.skipif(
        not (MODEL / "config.json").is_file(),
        reason="no models/SmolLM2-135M-Instruct: run `make model-smollm2`",
    ),
]
QUESTIONS, AT_ONCE = 16, 6


def evaluate(out: Path, batch: int) -> list[dict]:
    words = [
        f"model={MODEL}", "benchmarks=[gsm8k]", f"task.folder={DATA / 'gsm8k'}", f"questions={QUESTIONS}", "prompt=chat", "k=1",
        "temperature=0.7", "top_p=0.95", "max_tokens=24", "threads=2", f"batch={batch}", f"out={out}",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-m", "sspo.evaluate", *words],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in (out / "eval.jsonl").read_text().splitlines()]


def test_rows_are_equal_in_batches_of_two_sizes(tmp_path: Path) -> None:
    rows = evaluate(tmp_path / "all", QUESTIONS)
    assert rows == evaluate(tmp_path / "some", AT_ONCE)
    assert [row["mode"] for row in rows] == ["greedy"] * QUESTIONS + ["sampled"] * QUESTIONS
    assert len({row["question"] for row in rows}) == QUESTIONS
    greedy, sampled = rows[:QUESTIONS], rows[QUESTIONS:]
    assert all(row["response"] for row in rows)
    # sampling does something: hardly an answer is the greedy one
    assert sum(a["response"] == b["response"] for a, b in zip(greedy, sampled, strict=True)) < QUESTIONS / 2

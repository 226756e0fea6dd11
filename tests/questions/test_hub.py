"""Named sets from a hub on the loopback: found, locked, absent, refused, cut, changed, moved on, offline, unreachable.

`datasets` reads its environment once, so every environment is a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.questions.hub_server import Hub, card, lines, serving

OLD, NEW = "a" * 40, "b" * 40
GSM8K = [
    {"question": f"What is {n} + 1000?", "answer": f"{n} + 1000 = <<x>>\n#### {n + 1000:,}"} for n in range(4)
]


class Child:
    """A process with a cache of its own."""

    def __init__(self, address: str, home: Path, lock: Path, **environment: str):
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        settings = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.questions.hub_child", str(lock)],
            cwd=Path(__file__).resolve().parents[2],
            env={**clean, **settings, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        _, error = self.process.communicate()
        assert self.process.returncode == 0, error

    def __call__(self, line: str) -> dict[str, Any]:
        """What it says of a set, as NAME/PART, or to `forget`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        said: dict[str, Any] = json.loads(self.process.stdout.readline() or '{"error": "it ended"}')
        return said


def a_hub(tmp_path: Path) -> Hub:
    """GSM8K as JSON Lines, AMC as Parquet, and sets that something is wrong with."""
    hub = Hub()
    gsm8k = {"README.md": card({"test": "t.jsonl", "train": "t.jsonl"}, "main"), "t.jsonl": lines(GSM8K)}
    hub.commit("openai/gsm8k", gsm8k, OLD)
    table = pa.table({"id": [0, 1], "problem": ["Six by seven?", "A half?"], "answer": [42.0, 0.5]})
    pq.write_table(table, tmp_path / "amc.parquet")
    parquet = (tmp_path / "amc.parquet").read_bytes()
    hub.commit(
        "AI-MO/aimo-validation-amc", {"README.md": card({"train": "a.parquet"}), "a.parquet": parquet}, OLD
    )
    rows = lines([{"problem": "1 + 1?", "answer": "2", "unique_id": "x"}] * 2)
    hub.commit("HuggingFaceH4/MATH-500", {"README.md": card({"test": "t.jsonl"}), "t.jsonl": rows}, OLD)
    hub.commit("math-ai/minervamath", {"README.md": card({"train": "t.jsonl"}), "t.jsonl": rows}, OLD)
    hub.commit("math-ai/olympiadbench", {"README.md": card({"test": "t.jsonl"}), "t.jsonl": rows}, OLD)
    hub.commit("MathArena/aime_2026", {"README.md": card({"train": "t.jsonl"}), "t.jsonl": rows * 200}, OLD)
    hub.commit("MathArena/hmmt_feb_2026", {"README.md": card({"train": "t.txt"}), "t.txt": b"1 + 1?\n"}, OLD)
    hub.cut.add("MathArena/aime_2026")
    hub.refused.add("HuggingFaceH4/aime_2024")
    return hub


def test_the_first_load_is_locked_and_later_ones_are_held_to_it(tmp_path: Path) -> None:
    hub, lock = a_hub(tmp_path), tmp_path / "study" / "datasets.lock"
    with serving(hub) as address, Child(address, tmp_path / "cache", lock) as ask:
        gsm8k, amc23 = ask("gsm8k/test"), ask("amc23/test")
        assert (gsm8k["rows"], gsm8k["answer"]) == (4, "1000")  # `#### 1,000` of the first row
        assert (amc23["rows"], amc23["answer"]) == (2, "42")  # the number 42.0
        for name, why in (
            ("aime25", "math-ai/aime25 cannot be downloaded: the hub has no data set math-ai/aime25"),
            ("aime24", "HuggingFaceH4/aime_2024 cannot be downloaded: "),
            ("aime26", "MathArena/aime_2026 cannot be downloaded: the download was interrupted"),
        ):
            said = ask(f"{name}/test")["error"]
            assert why in said
            assert f"; set task.folder=FOLDER with the questions in FOLDER/{name}.jsonl" in said
            assert ("HF_TOKEN" in said) == (name != "aime26")
        for name, why in (
            ("math500", "has two questions with the id 'x'"),
            ("minerva", "unknown split of math-ai/minervamath 'test'"),
            ("olympiadbench", "no column 'question': "),
            ("hmmt_feb26", "are not a table but 'text'"),
        ):
            assert why in ask(f"{name}/test")["error"]
        assert json.loads(lock.read_text()) == {
            "gsm8k/test": {"hub": "openai/gsm8k", "revision": OLD, "sha256": gsm8k["digest"], "rows": 4},
            "amc23/test": {
                "hub": "AI-MO/aimo-validation-amc",
                "revision": OLD,
                "sha256": amc23["digest"],
                "rows": 2,
            },
        }
        ask("forget")
        hub.commit("AI-MO/aimo-validation-amc", {"README.md": b"moved on"}, NEW)
        assert ask("amc23/test") == amc23
        ask("forget")
        hub.commits["openai/gsm8k"][OLD]["t.jsonl"] = lines(GSM8K[::-1])
        assert "they differ from those that the study relies on" in ask("gsm8k/test")["error"]
        written = json.loads(lock.read_text())
        written["amc23/test"]["revision"] = "c" * 40
        lock.write_text(json.dumps(written))
        ask("forget")
        assert f"AI-MO/aimo-validation-amc has no revision {'c' * 40}" in ask("amc23/test")["error"]
        hub.commits["openai/gsm8k"][OLD]["README.md"] = card({"test": "t.jsonl"}, "mian")
        assert "has no configuration 'main'; did it become 'mian'?" in ask("gsm8k/test")["error"]
        hub.commits["openai/gsm8k"][OLD]["README.md"] = card({"test": "t.jsonl"}, "main")
        ask("forget")
        ask("gsm8k/test")
    with Child(address, tmp_path / "cache", lock, HF_HUB_OFFLINE="1") as ask:
        # the cache has what the hub changed, and the lock still holds
        assert "they differ from those that the study relies on" in ask("gsm8k/test")["error"]
        assert "the hub cannot be reached, and the cache does not have" in ask("amc23/test")["error"]
        lock.unlink()
        assert ask("gsm8k/test")["rows"] == 4


@pytest.mark.acceptance
def test_a_hub_that_nobody_reaches_is_one_sentence_and_the_cache_serves(tmp_path: Path) -> None:
    lock = tmp_path / "datasets.lock"
    with serving(a_hub(tmp_path)) as address, Child(address, tmp_path / "cache", lock) as ask:
        before = ask("gsm8k/test")
    with Child(address, tmp_path / "cache", lock) as ask:  # nobody listens there any more
        assert ask("gsm8k/test") == before
        assert "the hub cannot be reached, and the cache does not have them" in ask("aime24/test")["error"]

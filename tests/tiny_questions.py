"""Files of questions that a copy of the embedded base answers now and then."""

from __future__ import annotations

import json
from pathlib import Path

from sspo.config import TaskConfig
from sspo.tasks.chain import open_task


def question_file(path: Path, seed: int, count: int = 12) -> Path:
    """Chains of single digits as JSON lines; returns the path."""
    asked = open_task(TaskConfig()).train_problems(seed, 0, count)
    rows = [{"id": one.id, "question": one.prompt, "answer": one.answer} for one in asked]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def five_questions(folder: Path) -> Path:
    """Five held-out questions that the embedded model can read, in a file."""
    path = folder / "five.jsonl"
    problems = open_task(TaskConfig()).eval_problems("short", 5)
    path.write_text(
        "".join(json.dumps({"id": p.id, "question": p.prompt, "answer": p.answer}) + "\n" for p in problems)
    )
    return path

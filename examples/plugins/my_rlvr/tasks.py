"""Questions from a JSON Lines file: `task=sums_from_file "task.options=['file=data/sums.jsonl','held_out=8']"`."""

import hashlib
import json
from pathlib import Path

from sspo.config.plugins.options import read_options
from sspo.errors import UserError
from sspo.randomness import python_stream
from sspo.types import Problem


class FileTask:
    """The last questions of the file are held out, the others are trained on."""

    eval_sets = ("held_out",)
    trains = True

    def __init__(self, content: bytes, held_out: int):
        rows = [json.loads(line) for line in content.decode().splitlines() if line.strip()]
        problems = [
            Problem(id=str(i), prompt=row["question"], answer=row["answer"]) for i, row in enumerate(rows)
        ]
        if not 0 < held_out < len(problems):
            raise UserError(f"task.options: held_out must be from 1 to {len(problems) - 1}, got {held_out}")
        self.train, self.held_out = problems[:-held_out], problems[-held_out:]
        self.fingerprint = hashlib.sha256(content).hexdigest()[:12]

    def train_problems(self, seed, rollout, count):
        """Questions of one rollout: a function of seed and rollout alone, so that a killed run goes on the same."""
        return python_stream(seed, "sums from file", rollout).choices(self.train, k=count)

    def eval_problems(self, name, count):
        """The first held-out questions."""
        return self.held_out[:count]

    def eval_size(self, name):
        """How many there are."""
        return len(self.held_out)


def open_task(config):
    """The task of a configuration."""
    options = read_options("task.options", config.options, {"file": "data/sums.jsonl", "held_out": 8})
    try:
        content = Path(options["file"]).read_bytes()
    except OSError as error:
        raise UserError(f"task.options: cannot read file={options['file']} ({error.strerror})") from error
    return FileTask(content, options["held_out"])

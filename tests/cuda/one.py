"""`python -m tests.cuda.one PART DEVICE small|full FILE`: a part in its process, its rows as JSON in a file."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from tests.cuda.part import Row, Run, Setting


def measure(run: Run, setting: Setting) -> tuple[list[Row], str | None]:
    """The rows of a part, and what ended it early; None where nothing did."""
    rows: list[Row] = []
    try:
        for row in run(setting):
            print(row, flush=True)
            rows.append(row)
    except Exception as error:
        traceback.print_exc()
        return rows, " ".join(f"{type(error).__name__}: {error}".split())
    return rows, None


def main(words: list[str]) -> int:
    """Exit status 0, whatever the numbers are: they are judged by who reads them."""
    name, device, size, file = words
    run: Run = importlib.import_module(f"tests.cuda.{name}").run
    rows, why = measure(run, Setting(device=device, small=size == "small"))
    Path(file).write_text(json.dumps({"rows": [asdict(row) for row in rows], "why": why}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

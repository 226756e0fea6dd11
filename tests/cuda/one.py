"""`python -m tests.cuda.one PART DEVICE small|full FILE`: a part in its process, its rows as lines of JSON in a file.

A row is written when it is measured, so that what ends the part leaves those before it.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tests.cuda.part import Row, Run, Setting


def measure(run: Run, setting: Setting, write: Callable[[Row], None]) -> str | None:
    """Hand each row of a part to `write`; returns what ended it early, None where nothing did."""
    try:
        for row in run(setting):
            write(row)
    except Exception as error:
        traceback.print_exc()
        return " ".join(f"{type(error).__name__}: {error}".split())
    return None


def read(file: Path) -> tuple[list[Row], str | None, bool]:
    """The rows of a part, what ended it early, and whether it came to its end at all."""
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.is_file() else []
    ends = [line["end"] for line in lines if "end" in line]
    return [Row(**line) for line in lines if "end" not in line], (ends or [None])[0], bool(ends)


def main(words: list[str]) -> int:
    """Exit status 0, whatever the numbers are: they are judged by who reads them."""
    name, device, size, file = words
    with Path(file).open("w") as lines:

        def write(content: dict) -> None:
            print(json.dumps(content), file=lines, flush=True)

        run: Run = importlib.import_module(f"tests.cuda.{name}").run
        setting = Setting(device=device, small=size == "small")
        write({"end": measure(run, setting, lambda row: write(asdict(row)))})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

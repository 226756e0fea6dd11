"""`python -m tests.whitespace FILE ...`: name lines that end in whitespace, and files that do not end in exactly one newline."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path


def faults(paths: Iterable[Path]) -> list[str]:
    """One line per fault."""
    found = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        found += [
            f"{path}:{i}: whitespace at the end" for i, line in enumerate(lines, 1) if line != line.rstrip()
        ]
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            found.append(f"{path}: does not end in one newline")
    return found


if __name__ == "__main__":
    messages = faults(map(Path, sys.argv[1:]))
    print("\n".join(messages))
    sys.exit(1 if messages else 0)

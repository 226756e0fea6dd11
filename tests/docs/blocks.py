"""The code blocks of the README and of docs/, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IN_TRL = ROOT / "examples" / "sspo_in_trl.py"
"""The script that trl.md shows; tests/trl/test_example.py runs it, with TRL."""
PLAYED = "tutorial.md"
"""The page that test_tutorial.py plays through as a whole."""
PAGES = (
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name != PLAYED),
    *sorted((ROOT / "docs" / "howto").glob("*.md")),
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"(\S*/)?(env )?python")


@dataclass(frozen=True)
class Block:
    """One block, by its page and the number of its first line."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(language):
    """All blocks of a language; '' is what a command prints."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            if found[1] == language:
                line = text[: found.start()].count("\n") + 2
                yield Block(path.name, line, language, found[2])


def commands():
    """(where, the words of a command) of all shell blocks: without variables before it, redirections and comments."""
    for block in blocks("sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                words = words[1:]
            if "/usr/bin/env" in words[:1]:
                words = words[1:]
            for sign in ("<", ">"):
                words = words[: words.index(sign)] if sign in words else words
            if words:
                yield str(block), tuple(words)

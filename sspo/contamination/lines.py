"""contamination.jsonl: one line per question and share, in processing order. It only grows.

set, question  the question
share          visible share of its words; null if no model was used
exact, rouge   the continuation compared with the rest; null if no model was used, or the question has only one word
continuation   the text that the model wrote, a few tokens longer than the rest
overlap        whether the question shares n words in a row with a training question; null if not checked, or if it
               has too few words
whole          whether it overlaps because it has fewer than n words and all of them occur there; null likewise
training       the id of the first such training question
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sspo.contamination.questions import Part
from sspo.contamination.words import is_exact, rouge_l
from sspo.errors import UserError
from sspo.runs.logfile import LogFile

Line = Mapping[str, Any]


class Looked(NamedTuple):
    """The result of searching the training questions for a question."""

    training: str | None
    """The first training question that it overlaps with, if any."""
    shorter: bool
    """True if it has fewer than n words."""


Overlaps = Mapping[tuple[str, str], Looked]
"""By set and question; questions that were not searched for are left out."""


class Lines:
    """The file of one check, which a later process continues after an interruption."""

    def __init__(self, path: Path):
        """Keep the complete lines in the file and drop a truncated one. Raises UserError if they cannot be read."""
        self.path = path
        self.file = LogFile(path)
        content = path.read_bytes() if path.is_file() else b""
        whole = content[: content.rfind(b"\n") + 1]
        try:
            self.lines: list[Line] = [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise self._damaged() from error
        self.file.cut(len(whole))

    def left(self, parts: Sequence[Part], overlaps: Overlaps) -> Sequence[Part]:
        """Return the parts without a line. Raises UserError if a line disagrees with its part and its text."""
        if len(self.lines) > len(parts) or not all(
            _is_of(line, part, overlaps) for line, part in zip(self.lines, parts, strict=False)
        ):
            raise self._damaged()
        return parts[len(self.lines) :]

    def add(self, lines: Iterable[Line]) -> None:
        """Write lines."""
        several = list(lines)
        self.file.append("".join(json.dumps(line) + "\n" for line in several))
        self.lines += several

    def settle(self) -> None:
        """Flush all lines to disk."""
        self.file.settle()

    def _damaged(self) -> UserError:
        return UserError(
            f"{self.path} was not written by this check: remove {self.path.parent} and run it again"
        )


def line_of(part: Part, continuation: str | None, overlaps: Overlaps) -> Line:
    """Return the line of a part, with the model's continuation of it."""
    return {
        "set": part.set,
        "question": part.question,
        "share": part.share,
        "exact": None if continuation is None else is_exact(continuation, part.rest),
        "rouge": None if continuation is None else rouge_l(continuation, part.rest),
        "continuation": continuation,
        **_overlap(part.set, part.question, overlaps),
    }


def _is_of(line: Any, part: Part, overlaps: Overlaps) -> bool:
    """Return whether a line equals the one that its part and its text make."""
    text = line.get("continuation") if isinstance(line, dict) else None
    if (not isinstance(text, str)) if part.shown is not None else text is not None:
        return False
    return json.dumps(line) == json.dumps(line_of(part, text, overlaps))


def _overlap(name: str, question: str, overlaps: Overlaps) -> Line:
    looked = overlaps.get((name, question))
    if looked is None:
        return {"overlap": None, "whole": None, "training": None}
    found = looked.training is not None
    return {"overlap": found, "whole": found and looked.shorter, "training": looked.training}

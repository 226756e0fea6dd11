"""contamination.jsonl: a line a question and share, in the order in which they are asked. It only grows.

set, question  which one
share          of its words that was shown; null where no model was asked
exact, rouge   the continuation against the rest; null where no model was asked, or the question has only one word
continuation   the text that the model wrote, a few tokens longer than the rest
overlap        whether the question shares n words in a row with a training question; null where nobody looked, or it
               has no word
training       the id of the first such training question
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sspo.contamination.questions import Part
from sspo.contamination.words import is_exact, rouge_l
from sspo.errors import UserError
from sspo.runs.logfile import LogFile

Line = Mapping[str, Any]
Overlaps = Mapping[tuple[str, str], str | None]
"""By set and question, the training question that it overlaps with, or None; questions that were not looked at are left out."""


class Lines:
    """The file of one check, which an interrupted one goes on with."""

    def __init__(self, path: Path):
        """Keep the whole lines that are there; one that was cut off goes. Raises UserError where they cannot be read."""
        self.path = path
        self.file = LogFile(path)
        content = path.read_bytes() if path.is_file() else b""
        whole = content[: content.rfind(b"\n") + 1]
        try:
            self.lines: list[Line] = [json.loads(line) for line in whole.splitlines()]
            self.keys = [(line["set"], line["question"], line["share"]) for line in self.lines]
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged() from error
        self.file.cut(len(whole))

    def left(self, parts: Sequence[Part]) -> Sequence[Part]:
        """The parts that have no line yet. Raises UserError where the lines are not those of these parts."""
        if self.keys != [(p.set, p.question, p.share) for p in parts[: len(self.keys)]]:
            raise self._damaged()
        return parts[len(self.keys) :]

    def add(self, lines: Iterable[Line]) -> None:
        """Write lines."""
        several = list(lines)
        self.file.append("".join(json.dumps(line) + "\n" for line in several))
        self.lines += several

    def settle(self) -> None:
        """Bring all lines to the disk."""
        self.file.settle()

    def _damaged(self) -> UserError:
        return UserError(
            f"{self.path} is not what this check wrote: remove {self.path.parent} and run it again"
        )


def line_of(part: Part, continuation: str | None, overlaps: Overlaps) -> Line:
    """The line of a part, with what the model wrote after it."""
    return {
        "set": part.set,
        "question": part.question,
        "share": part.share,
        "exact": None if continuation is None else is_exact(continuation, part.rest),
        "rouge": None if continuation is None else rouge_l(continuation, part.rest),
        "continuation": continuation,
        **_overlap(part.set, part.question, overlaps),
    }


def _overlap(name: str, question: str, overlaps: Overlaps) -> Line:
    training = overlaps.get((name, question))
    looked = (name, question) in overlaps
    return {"overlap": training is not None if looked else None, "training": training}

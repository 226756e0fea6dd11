"""The part of a text that is its answer, which is all that graders read, found in one pass however long the text is.

It is the last closed box (`\\boxed{...}` or `\\fbox{...}`), with the boxes before it that commas, `and` or `or` join to it
(`\\boxed{1} and \\boxed{2}` are two solutions), or else the end of the text, of which the grader takes the last expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

WINDOW = 20_000
"""Characters at the end of a text that are searched for a box."""
TAIL = 4_000
"""Characters at the end of a text without a box that are read."""
LONGEST = 2_000
"""Characters of boxes that are read. The longest gold answer of five benchmarks (1,639 answers) has 204."""
DEEPEST = 20
"""Maximum nesting of an answer's brackets. Those answers nest 4 deep; a grammar takes exponential time in the depth."""
TOKEN = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
JOINT = re.compile(
    r"[\s$]*(?:\\\)|\\\])?\s*(?:[,;]|,?\s*(?:and|or|\\text\{\s*(?:and|or)\s*\}))\s*(?:\\\(|\\\[)?[\s$]*(?:[A-Za-z]\s*=\s*)?"
)
PERCENT = re.compile(r"\s*\$?\s*(?:\\?%|percent\b)", re.IGNORECASE)


MOST_DIGITS = 100
SCIENTIFIC = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE]([-+]?[0-9]{1,3})")
"""A number with an exponent, which math-verify would read as e times something: 1e-07 as e - 7."""


@dataclass(frozen=True)
class Box:
    """A closed box of a text: the beginning of the command, its content, and the position of its closing brace."""

    start: int
    content: str
    end: int


def find_answer(text: str) -> str | None:
    """Return what a grader reads of a text, or None if that is longer or nested deeper than any answer.

    Boxes are returned as `\\boxed{...}`, joined by commas; a percent sign after the last one counts as inside it.
    """
    boxes = closed_boxes(text[-WINDOW:])
    if not boxes:
        tail = text[-TAIL:]
        return tail if _depth(tail) <= DEEPEST else None
    text = text[-WINDOW:]
    contents = [plain_number(boxes[-1].content) + ("\\%" if PERCENT.match(text, boxes[-1].end) else "")]
    following = boxes[-1].start
    for box in reversed(boxes[:-1]):
        if box.end > following or not JOINT.fullmatch(text, box.end, following):
            break
        contents.append(plain_number(box.content))
        following = box.start
    answer = ", ".join(f"\\boxed{{{content}}}" for content in reversed(contents))
    return answer if len(answer) <= LONGEST and _depth(answer) <= DEEPEST else None


def plain_number(text: str) -> str:
    """Return a number with an exponent of at most three digits as plain decimals, and any other text unchanged."""
    number = SCIENTIFIC.fullmatch(text.strip())
    return (
        text
        if number is None or len(text) > MOST_DIGITS
        else format(Decimal(text.strip()) or Decimal(0), "f")
    )


def closed_boxes(text: str) -> list[Box]:
    """Return every box whose brace closes, in the order in which they close; an inner one before its outer one."""
    return [Box(start, text[inside:end], end + 1) for start, inside, end in _braces(text) if start != inside]


def unclosed_boxes(text: str) -> int:
    """Return how many boxes are opened and not closed."""
    return sum(bool(BOX.fullmatch(found.group())) for found in TOKEN.finditer(text)) - len(closed_boxes(text))


def _braces(text: str) -> list[tuple[int, int, int]]:
    """Return pairs of braces: the beginning of a box's command (for a plain brace, of its content), the content, the
    closing brace.
    """
    opened: list[tuple[int, int]] = []
    pairs = []
    for found in TOKEN.finditer(text):
        said = found.group()
        if said == "}":
            if opened:
                pairs.append((*opened.pop(), found.start()))
        elif BOX.fullmatch(said):
            opened.append((found.start(), found.end()))
        elif said == "{" or len(said) > 2:
            opened.append((found.end(), found.end()))
    return pairs


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth = max(depth - 1, 0)
    return deepest

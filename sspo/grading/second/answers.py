"""The answer in the text of a response."""

from __future__ import annotations

import re

TAIL = 20_000
"""Characters at the end of a response that are searched for an answer outside a box."""
LONGEST = 2_000
"""Characters of an answer."""
MOST_BOXES = 32
"""Maximum number of boxes that one sentence may join."""
BOX = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])")
JOINED = re.compile(
    r"(?:[\s$.]|\\[()\[\]])*(?:,|;|(?:,\s*)?(?:and|or)\b|\\text\{\s*(?:and|or)\s*\})[\s$]*(?:\\[(\[]\s*)?(?:[A-Za-z](?:_\w)?\s*=\s*)?"
)
"""Text allowed between two boxes that are one answer."""
STATED = re.compile(
    r"\b(?:answers?|(?:correct|right) (?:option|choice))\b[^.\n:=]{0,40}?(?:\bis\b|\bare\b|:|=)|####",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[^\n]*?(?=[.!?;](?:\s|$)|\n|$)")
MATH = re.compile(
    r"\$([^$\n]{1,400})\$|\\\(((?:(?!\\\()[^\n]){1,400}?)\\\)|\\\[((?:(?!\\\[).){1,400}?)\\\]", re.DOTALL
)
RUN = re.compile(r"\S+")
NUMBER = re.compile(r"(?<![\w.])[-+]?\$?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?(?:/[0-9]+)?%?")
WORD = re.compile(r"(?<![\\A-Za-z])(?!(?:and|or|pi|sqrt)\b)[A-Za-z]{2,}")
STRIPPED = " \t\r\n*_.,;:!"


def find_answer(text: str) -> tuple[str, ...]:
    """Return readings of a response's answer, the likelier first; empty if there is no answer.

    The content of the last box, with those before it that the same sentence joins to it by a comma, `and` or `or`.
    Without a box, the text after the last `answer is` or `####`; without that a short text itself; then its last
    formula; then its last number.
    """
    boxes = _boxes(text)
    if boxes is not None:
        return (", ".join(boxes),) if boxes and sum(map(len, boxes)) <= LONGEST else ()
    text = text[-TAIL:]
    stated = [match.end() for match in STATED.finditer(text)]
    if stated:
        return _sentence(text[stated[-1] :].lstrip(STRIPPED))
    whole = text.strip(STRIPPED)
    if whole and len(whole) <= 200 and "\n" not in whole and not WORD.search(whole):
        return (whole,)
    return _last(text) or ((whole,) if 0 < len(whole) <= 40 else ())


def _last(text: str) -> tuple[str, ...]:
    """Return the last formula or the text after it: the last run of characters with a command in it, else the last
    number.
    """
    found: tuple[str, ...] = ()
    after = 0
    for pattern in (MATH, RUN, NUMBER):
        matches = list(pattern.finditer(text, after))
        if pattern is RUN:
            matches = [match for match in matches if re.search(r"[\\^√]", match.group())]
        if matches:
            found, after = (_content(matches[-1]),), matches[-1].end()
    return found


def _sentence(text: str) -> tuple[str, ...]:
    """Return readings of the text after `the answer is`: an immediate formula, else the sentence up to its first word,
    its formula, and all of it.
    """
    displayed = MATH.match(text)
    if displayed:
        return (_content(displayed),)
    match = SENTENCE.match(text[:LONGEST])
    sentence = (match.group() if match else "").strip(STRIPPED)
    if not sentence:
        return ()
    formula = MATH.search(sentence)
    word = WORD.search(sentence)
    before = sentence[: word.start()].strip(STRIPPED) if word else sentence
    if formula and not before[: formula.start()].strip("$"):
        return (_content(formula), sentence)
    return (before, sentence) if before else (sentence,)


def _content(match: re.Match[str]) -> str:
    return next((group for group in match.groups() if group is not None), match.group()).strip(STRIPPED)


def _boxes(text: str) -> list[str] | None:
    """Return contents of the last boxes that are one answer; [] if the last is not closed or is empty, None without a
    box.
    """
    places = _last_boxes(text)
    if not places:
        return None
    boxes: list[str] = []
    after = -1
    for start, inside in places:
        closed = _inside(text, inside)
        if closed is None or not closed[0].strip():
            return boxes
        content, end = closed
        if after >= 0 and not (end <= after <= end + 60 and JOINED.fullmatch(text, end, after)):
            return boxes
        boxes.insert(0, content)
        after = start
    return boxes


def _last_boxes(text: str) -> list[tuple[int, int]]:
    """Return the beginning and end of the last box commands, the last one first."""
    places: list[tuple[int, int]] = []
    before = len(text)
    while before > 0 and len(places) < MOST_BOXES:
        before = text.rfind("box", 0, before)
        match = BOX.match(text, before - 1) or BOX.match(text, before - 2) if before > 0 else None
        if match:
            places.append((match.start(), match.end()))
    return places


def _inside(text: str, place: int) -> tuple[str, int] | None:
    """Return the content of a box and its end, or None if it is not closed within LONGEST characters."""
    while place < len(text) and text[place] == " ":
        place += 1
    if place >= len(text):
        return None
    if text[place] != "{":
        plain = re.compile(r"[-+]?[A-Za-z0-9.]+").match(text, place)
        return (plain.group().rstrip("."), plain.end()) if plain else None
    depth, escaped = 0, False
    for at in range(place, min(len(text), place + LONGEST)):
        char = text[at]
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return text[place + 1 : at], at + 1
    return None

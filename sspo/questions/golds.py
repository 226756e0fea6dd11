"""The right answer in an answer's text: all of it, after `####`, in the last box, or between dollar signs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

SHORT = 40
"""Number of characters of an answer that is surely not a worked solution."""
BOX = "\\boxed"


def plain(text: str) -> str:
    """Return the text itself."""
    return text.strip()


def hashes(text: str) -> str:
    """Return the text after the last `####`, as in GSM8K, without thousands separators."""
    _, mark, answer = text.rpartition("####")
    if not mark:
        raise ValueError("its answer has no ####")
    return answer.strip().replace(",", "")


def hashes_or_short(text: str) -> str:
    """Return the result of `hashes`; without any `####`, one short line is the answer as it is."""
    whole = text.strip()
    return whole if "####" not in whole and "\n" not in whole and len(whole) <= SHORT else hashes(text)


def boxed(text: str) -> str:
    """Return the content of the last `\\boxed` of a worked solution, as in MATH: `\\boxed{...}`, or `\\boxed 7` without braces."""
    start = text.rfind(BOX)
    if start < 0:
        raise ValueError("its solution has no \\boxed")
    rest = text[start + len(BOX) :].lstrip()
    if not rest.startswith("{"):
        return rest[:1]
    depth = 0
    for end, character in enumerate(rest):
        escaped = end > 0 and rest[end - 1] == "\\"
        depth += 0 if escaped else (character == "{") - (character == "}")
        if depth == 0:
            return rest[1:end].strip()
    raise ValueError("the last \\boxed of its solution does not close")


def undollared(text: str) -> str:
    """Return the text without the dollar signs around LaTeX, as in OlympiadBench."""
    return text.replace("$", "").strip()


GOLDS: Mapping[str, Callable[[str], str]] = {
    "plain": plain,
    "hashes": hashes,
    "boxed": boxed,
    "undollared": undollared,
}
"""Functions that each raise ValueError, in words, for a text without the answer."""
OF_FILES: Mapping[str, Callable[[str], str]] = {**GOLDS, "hashes": hashes_or_short}
"""The same for user-supplied files, which may contain only the answer."""

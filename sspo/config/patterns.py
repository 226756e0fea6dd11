"""User-supplied regular expressions, bounded in their size and in the CPU time per text.

Python's `re` tries every way to match, and for `(a+)+b` their number doubles with each letter. An expression is
therefore tried before any work on texts that are hard for its kind, in a process that ends itself; during a run each
text has seconds of CPU time, by a timer signal in the main thread and in such a process in any other.
"""

from __future__ import annotations

import functools
import json
import re
import signal
import string
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sspo.errors import UserError

Spans = list[tuple[int, int]]

LONGEST = 2_000
"""Maximum characters of an expression."""
SECONDS = 2
"""CPU time of the trial, and of one text."""
REPEATED = 30
"""Number of equal pieces at which a text takes hours if the number of ways to match doubles with each."""
PIECES = 24
CHILD = Path(__file__).with_name("pattern_child.py")
KEY = "segmentation.pattern"
ADVICE = "a repeat inside a repeat is the usual cause: write (a+)+ as a+"


class _OutOfTimeError(Exception):
    """Raised when the timer expires."""


@functools.lru_cache(maxsize=256)
def check_pattern(pattern: str, tried: bool = True) -> None:
    """Raise UserError for an invalid expression, one that matches the empty text, or one that is too slow on hard
    texts; `tried`: try those texts.
    """
    compiled = compile_pattern(pattern)
    if tried and in_child(pattern, hard_texts(pattern), SECONDS) is None:
        raise UserError(f"{KEY}: '{_shown(pattern)}' takes more than {SECONDS} s on a short text; {ADVICE}")
    if compiled.fullmatch("") is not None:
        raise UserError(f"{KEY}: '{_shown(pattern)}' matches the empty text, which ends no segment")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return the compiled expression. Raises UserError."""
    if len(pattern) > LONGEST:
        raise UserError(f"{KEY} must have at most {LONGEST} characters, got {len(pattern)}")
    try:
        return re.compile(pattern)
    except RecursionError as error:
        raise UserError(
            f"{KEY}: '{_shown(pattern)}' nests too deep: use fewer groups inside groups"
        ) from error
    except (re.error, OverflowError) as error:
        raise UserError(f"{KEY}: '{_shown(pattern)}' is not a regular expression: {error}") from error


def hard_texts(pattern: str) -> list[str]:
    """Return texts with many ways to match: the characters of the expression, many times over, and then a different
    one.
    """
    spelled = re.sub(r"\\.", " ", pattern)
    letters = list(dict.fromkeys(char for char in spelled if char.isalnum() or char in " ,;:!'\"%&=<>/#~@"))
    words = re.findall(r"\w\w+", spelled)
    pieces = list(dict.fromkeys([*letters, *words, "a", "1", " ", "\n", "A ", "a,", "é"]))[:PIECES]
    texts = [piece * REPEATED + "\x00" for piece in pieces]
    texts.append("".join(pieces) * (REPEATED // 5) + "\x00")
    texts.append((string.ascii_letters + string.digits + string.punctuation + " \n") * 2)
    return texts


def match_spans(pattern: str, texts: Sequence[str]) -> list[Spans]:
    """Return the spans of all matches in each text. Raises UserError if one takes too long."""
    if threading.current_thread() is not threading.main_thread():
        found = in_child(pattern, texts, SECONDS * max(1, len(texts)))
        if found is None:
            raise _too_long(pattern, max(map(len, texts)))
        return found
    compiled, spans = compile_pattern(pattern), []
    for text in texts:
        try:
            with _limited(SECONDS):
                spans.append([found.span() for found in compiled.finditer(text)])
        except _OutOfTimeError as error:
            raise _too_long(pattern, len(text)) from error
    return spans


def in_child(pattern: str, texts: Sequence[str], seconds: int) -> list[Spans] | None:
    """Return the spans, computed in a separate process, or None if it exceeded its seconds or memory."""
    asked = json.dumps({"pattern": pattern, "texts": list(texts), "seconds": seconds})
    command = [sys.executable, "-I", "-S", str(CHILD)]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode < 0 or "MemoryError" in done.stderr:
        return None
    if done.returncode > 0:
        raise UserError(f"{KEY}: cannot be tried: {done.stderr.strip().splitlines()[-1]}")
    return [[(begin, end) for begin, end in spans] for spans in json.loads(done.stdout)]


def _too_long(pattern: str, length: int) -> UserError:
    return UserError(
        f"{KEY}: '{_shown(pattern)}' takes more than {SECONDS} s on a response of {length} characters; {ADVICE}"
    )


def _shown(pattern: str) -> str:
    return pattern if len(pattern) <= 60 else f"{pattern[:57]}..."


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Limit the CPU time of this process; `re` checks for signals while it matches."""

    def ring(*_: object) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)

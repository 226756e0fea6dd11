"""`python -m tests.fuzz --seconds 300 --seed 0`: junk and bit flips at every reader of files from other hands.

Whatever is in a file, its reader gives a value or one sentence (UserError): no other exception, no crash of the process, no
hang, bounded memory, nothing written outside the folder that it was given. The same seed throws the same inputs in the same
order; what fails is kept with the seed that makes it again.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from tests.fuzz.junk import spoiled
from tests.fuzz.targets import TARGETS, Target

BATCH = 20
"""Inputs a child process."""
SLOWEST = 20.0
"""CPU seconds of one input."""
MEMORY = 3 * 2**30
"""Bytes that a child may take beyond what it begins with."""
SENTENCE = 3_000
"""Characters of a message at most."""


def main() -> int:
    """Exit status 0: nothing fell through; 1: something did, and is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=[target.name for target in TARGETS])
    asked = parser.parse_args()
    targets = [target for target in TARGETS if asked.only in (None, target.name)]
    end, batch, thrown, failures = time.monotonic() + asked.seconds, 0, Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as place:
        good = {target.name: _good(target, Path(place) / f"good {i}") for i, target in enumerate(targets)}
        while time.monotonic() < end:
            for target in targets:
                failures += _batch(target, good[target.name], Path(place) / "x", (asked.seed, batch))
                thrown[target.name] += BATCH
            batch += 1
    print(", ".join(f"{name} {count}" for name, count in thrown.items()))
    for failure in dict.fromkeys(failures):
        print(failure)
    print(f"{sum(thrown.values())} inputs, {len(failures)} failures, seed {asked.seed}")
    return 1 if failures else 0


def _good(target: Target, place: Path) -> tuple[Path, list[Path]]:
    place.mkdir()
    return place, [path.relative_to(place) for path in target.make(place)]


def _batch(target: Target, good: tuple[Path, list[Path]], place: Path, seed: tuple[int, int]) -> list[str]:
    """What fell through of a batch, which runs in a child: a crash of the process is a failure like any other."""
    note = place.with_name("note")
    note.write_text("")
    child = os.fork()
    if child == 0:
        with open(os.devnull, "w") as quiet:
            sys.stdout = sys.stderr = quiet
            _child(target, good, place, seed, note)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = note.read_text().splitlines()
    at = f"{target.name} --seed {seed[0]}, batch {seed[1]}"
    failures = [f"{at}, {line}" for line in found if not line.startswith("input ")]
    if status:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        how = (
            f"killed by {signal.Signals(number).name}"
            if number
            else f"left with {os.waitstatus_to_exitcode(status)}"
        )
        failures.append(f"{at}, {found[-1] if found else 'before any input'}: {how}")
    return failures


def _child(
    target: Target, good: tuple[Path, list[Path]], place: Path, seed: tuple[int, int], note: Path
) -> None:
    used = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        if sys.platform == "linux"
        else 0
    )
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    signal.signal(signal.SIGVTALRM, _too_slow)
    source, files = good
    rng = random.Random(repr((target.name, seed)))
    _watch_writes(place, note)
    with note.open("a", buffering=1) as said:
        for number in range(BATCH):
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(source, place)
            name = rng.choice(files)
            (place / name).write_bytes(spoiled((source / name).read_bytes(), rng))
            said.write(f"input {number} ({name})\n")
            problem = _read(target, place)
            if problem is not None:
                said.write(f"{name}, input {number}: {problem}\n")


def _read(target: Target, place: Path) -> str | None:
    """What is wrong with how the files were read; None where it was a value or one sentence."""
    signal.setitimer(signal.ITIMER_VIRTUAL, SLOWEST)
    try:
        target.read(place)
    except UserError as error:
        text = str(error)
        if len(text) > SENTENCE or "\n" in text.strip():
            return f"a message of {len(text)} characters and {text.count(chr(10)) + 1} lines: {text[:80]!r}"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {' '.join(str(error).split())[:120]} at {Path(where.filename).name}:{where.lineno}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return None


def _too_slow(*_: Any) -> None:
    raise TimeoutError(f"more than {SLOWEST:g} CPU seconds")


def _watch_writes(place: Path, note: Path) -> None:
    """Note every file that is opened for writing elsewhere."""
    allowed = (str(place), str(note), "/dev/", "/proc/")

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], str) and set(arguments[1] or "") & set("wax+"):
            path = os.path.abspath(arguments[0])
            if not path.startswith(allowed) and "__pycache__" not in path:
                with note.open("a") as said:
                    said.write(f"writes {path}\n")

    sys.addaudithook(look)


if __name__ == "__main__":
    sys.exit(main())

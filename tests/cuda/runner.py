"""Each part in a process of its own, one after another: what one breaks, a device included, the next one does not see."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from tests.cuda.kit import ROOT, missing
from tests.cuda.one import read
from tests.cuda.part import Part, Row

PASSED, FAILED, BROKEN, SKIPPED = "passed", "failed", "broken", "skipped"
PATIENCE = {"cuda": 1, "cpu": 3}
"""By what a part's seconds are multiplied: a CPU may be slow, or have other work."""
THREADS = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""As make has them: threads of a few small products mostly wait for one another."""
TAIL = 15
"""Lines of a part's output that are shown where it broke."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a part."""

    part: Part
    state: str
    """passed; failed: a number is above its limit; broken: it ended early; or skipped."""
    seconds: float = 0.0
    rows: Sequence[Row] = field(default_factory=list)
    why: str = ""
    """Why it is broken or skipped."""

    @property
    def good(self) -> bool:
        """Whether nothing speaks against it."""
        return self.state in (PASSED, SKIPPED)


def machine() -> dict[str, Any]:
    """See tests/cuda/machine.py."""
    command = [sys.executable, "-m", "tests.cuda.machine"]
    done = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise UserError(
            f"{sys.executable} cannot even say what is here: it ended with status {done.returncode}"
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run_all(parts: Sequence[Part], device: str, size: str, say: Callable[[str], None]) -> list[Result]:
    """All parts on a device, `size` small or full; `say` is told of each as it begins and ends."""
    results = []
    for number, part in enumerate(parts, 1):
        reason = _skipped(part, device)
        if reason is None:
            most = part.seconds * PATIENCE[device]
            say(f"[{number}/{len(parts)}] {part.name}: {part.title} (at most {most:g} s) ...")
            result = _run(part, device, size, most)
        else:
            result = Result(part=part, state=SKIPPED, why=reason)
        ending = f": {result.why}" if result.why else ""
        say(f"[{number}/{len(parts)}] {part.name}: {result.state}, {result.seconds:.1f} s{ending}")
        results.append(result)
    return results


def _skipped(part: Part, device: str) -> str | None:
    """Why a part cannot run here; None where it can."""
    if device == "cpu" and not part.on_cpu:
        return "it compares with a CUDA device, and there is none"
    lacking = missing(part.needs)
    return f"no {', '.join(lacking)} here; `make cuda-kit` makes a folder that has them" if lacking else None


def _run(part: Part, device: str, size: str, most: float) -> Result:
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        file, log = Path(temporary, "rows.jsonl"), Path(temporary, "log.txt")
        command = [sys.executable, "-m", "tests.cuda.one", part.name, device, size, str(file)]
        with log.open("w") as output:
            status = _ended(command, output, most)
        seconds = time.monotonic() - start
        rows, why, whole = read(file)
        if not whole:
            ended = f"its process ended with status {status}"
            why = f"it was not done after {most:g} s" if status is None else ended
        if why:
            _show(log)
    state = BROKEN if why else PASSED if rows and all(row.passed for row in rows) else FAILED
    return Result(part=part, state=state, seconds=seconds, rows=rows, why=why or "")


def _ended(command: Sequence[str], output: Any, seconds: float) -> int | None:
    """Exit status of a process; None where it took longer and was stopped, with what it had started."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**THREADS, **os.environ},
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _show(log: Path) -> None:
    """The last lines of a part's output, on stderr."""
    for line in log.read_text(errors="replace").splitlines()[-TAIL:]:
        print(f"    {line}", file=sys.stderr)

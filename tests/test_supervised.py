"""The supervisor of `make test-verl`: what goes silent or takes too long is ended, with all that it started."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
LEAVES_ONE = """
import subprocess, sys, time
left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(left.pid, flush=True)
"""
TALKS = "\nwhile True:\n    time.sleep(0.1)\n    print('still here', flush=True)\n"


@pytest.mark.parametrize(
    ("then", "status", "says"),
    [
        ("", 0, "passed after"),
        ("sys.exit(3)", 3, "failed with status 3 after"),
        ("time.sleep(60)", 124, "killed: silent for 1 s, after"),
        (TALKS, 124, "killed: not done within 2 s, after"),
    ],
)
def test_a_command_is_ended_with_what_it_started(then: str, status: int, says: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    options = ["--silence", "1", "--limit", "2", "--log", str(log)]
    command = [
        sys.executable, "-m", "tests.verl.supervised", *options, sys.executable, "-c", LEAVES_ONE + then
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    first, *_, result, written = done.stdout.splitlines()
    assert done.returncode == status, done.stderr
    assert result.startswith(says)
    assert written == f"log: {log}, sha256 {hashlib.sha256(log.read_bytes()).hexdigest()}"
    assert log.read_text().splitlines()[0] == first
    assert not psutil.pid_exists(int(first)), "it went into a session of its own and held the output open"

"""A process's peak is its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_child_of_a_large_process_is_small():
    block = bytearray(200 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    code = "from tests.peak_memory import peak_bytes; print(peak_bytes())"
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    assert 2**20 < int(child.stdout) < 100 * 2**20
    del block

"""A process's peak is its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("code", "most"),
    [
        ("from tests.peak_memory import peak_bytes; print(peak_bytes())", 100),
        # what a run logs of itself, with torch and all that it imports
        ("from sspo.trainer.clock import resident_peak; print(resident_peak())", 500),
    ],
    ids=["of the tests", "of a run"],
)
def test_a_child_of_a_large_process_is_small(code: str, most: int) -> None:
    block = bytearray(600 * 2**20)
    block[::4096] = b"x" * len(block[::4096])
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[1],
        check=True,
        capture_output=True,
        text=True,
    )
    assert 2**20 < int(child.stdout) < most * 2**20
    del block

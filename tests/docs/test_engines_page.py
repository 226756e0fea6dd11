"""The sums of docs/engines.md are those of the memory estimate, and of the arithmetic that the page states."""

from __future__ import annotations

import re

import pytest

from sspo.compose.fast import quick_compose
from sspo.models.memory.estimate import estimate
from sweeps.plan.expected.shapes import shape_for
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
GIB = 2**30


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("1.5B, all weights", ("experiment=qwen25_math_1.5b",)),
        ("7B, adapters of rank 32", ("experiment=qwen25_math_7b_lora",)),
        ("7B, all weights", ("experiment=qwen25_math_7b_lora", "model.lora.rank=0")),
    ],
)
def test_the_sums_on_one_device_are_the_estimates(row: str, words: tuple[str, ...]) -> None:
    config = quick_compose(words)
    shape = shape_for(config.model.path)
    assert shape is not None
    peak = estimate(shape, config, prompt=512, precision="bfloat16", device="cuda")
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {row} |")]
    phase, gib = re.findall(r"\| (\w+): .*\| (\d+) \|", line)[0]
    assert (phase, int(gib)) == (peak.largest, round(peak.bytes / GIB))


def test_the_sums_on_many_devices_are_sixteen_bytes_a_parameter() -> None:
    rows = re.findall(r"^\| ([\d.]+) x 10\^9[^|]*\| (.+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 4
    for billions, cells in rows:
        together = 16 * float(billions) * 1e9 / GIB
        found = [float(cell.replace(",", "")) for cell in cells.split("|")]
        assert found == pytest.approx([together / devices for devices in (1, 8, 16, 64)], abs=0.06)

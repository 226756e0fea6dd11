"""The first table of README.md is the committed report's, number by number."""

from __future__ import annotations

from tests.docs.blocks import ROOT


def test_the_table_of_the_readme_is_that_of_the_study_that_carries_the_finding() -> None:
    report = (ROOT / "reports" / "baselines_matched" / "results.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in report if line.startswith("|")]
    assert len(rows) == 15  # head, rule, the untrained base and twelve arms
    assert "\n".join(rows) in (ROOT / "README.md").read_text(encoding="utf-8")

"""The table of docs/findings.md is the committed report's, number by number, and the README's sentence has its numbers."""

from __future__ import annotations

from tests.docs.blocks import ROOT


def test_the_table_of_the_findings_is_that_of_the_study_that_carries_them() -> None:
    report = (ROOT / "reports" / "baselines_matched" / "results.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in report if line.startswith("|")]
    assert len(rows) == 15  # head, rule, the untrained base and twelve arms
    assert "\n".join(rows) in (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    (grpo,) = [row for row in rows if row.startswith("| GRPO 20 % |")]
    assert "−8.7 \\[−16.0, −1.5\\]" in grpo
    assert "8.7 points above GRPO (interval 1.5 to\n16.0)" in (ROOT / "README.md").read_text(encoding="utf-8")

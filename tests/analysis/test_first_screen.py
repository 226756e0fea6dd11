"""The first 900 pixels of a page at 1,200 wide hold the answer, in a real browser: of every committed report."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from browser import Page, needs_chromium

from analysis.answer.sentence import MOST_WORDS

ROOT = Path(__file__).resolve().parents[2]
HEIGHT = 900
LISTED = subprocess.run(
    ["git", "ls-files", "reports/*/logs/manifest.json"], cwd=ROOT, capture_output=True, text=True, check=False
).stdout.split()
REPORTS = sorted(Path(path).parts[1] for path in LISTED)
"""Folders of committed reports; none where there is no git."""
BOTTOMS = """(() => {
  const bottom = (selector) => [...document.querySelectorAll(selector)].map((e) => e.getBoundingClientRect().bottom);
  const answer = document.getElementById('answer').cloneNode(true);
  answer.querySelectorAll('button').forEach((button) => button.remove());
  return {
    preset: bottom('.preset'), answer: bottom('#answer'), failed: bottom('header .mark'),
    forest: bottom('#difference_to_baseline svg'), words: answer.textContent.trim().split(/\\s+/).length,
    standing: document.querySelector('.preset').textContent, results: bottom('#results').map(() => document
      .getElementById('results').compareDocumentPosition(document.getElementById('gates')) & 4),
  };
})()"""


def holds_the_answer(page: Page, path: Path) -> None:
    page.look(1200, HEIGHT)
    page.open(path.as_uri())
    found = page.run(BOTTOMS)
    places = [*found["preset"], *found["answer"], *found["failed"], *found["forest"]]
    assert max(places) <= HEIGHT, found
    assert found["words"] <= MOST_WORDS
    assert found["forest"], "the figure that answers"
    assert found["results"] == [4], "results come before gates"
    assert "exploratory" in found["standing"] or "registered" in found["standing"]


@needs_chromium
@pytest.mark.skipif(not REPORTS, reason="no git here to list the committed reports")
@pytest.mark.parametrize("name", REPORTS)
def test_the_first_screen_of_a_committed_report_holds_its_answer(browser: Page, name: str) -> None:
    holds_the_answer(browser, ROOT / "reports" / name / "index.html")

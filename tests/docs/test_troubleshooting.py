"""docs/troubleshooting.md names every failure and exit status, and its refusals are those that a command line gets."""

from __future__ import annotations

import re

import pytest

from analysis.logs.manifest import ENDED_EARLY
from analysis.single_runs.read import UNFINISHED
from sspo.compose.hydra_compose import compose
from sspo.console.closed_pipe import CLOSED_PIPE
from sspo.errors import UserError
from sspo.runs.fence import LEFT
from sspo.runs.runlog import FAILURES
from sspo.types import STATUSES
from sweeps.monitor.status import OUTCOMES
from sweeps.study.limits import LOST
from sweeps.workers.attempts import VOID
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
REFUSALS = re.findall(r"^\| [^|`]+ \| `([^`]+)` \| (.+) \|$", PAGE, re.MULTILINE)


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_failure_state_and_exit_status_is_on_the_page() -> None:
    reasons = re.findall(r"^\| `(\w+)` \|", section("A run that failed"), re.MULTILINE)
    assert sorted(reasons) == sorted(FAILURES)
    words = section("What a trial can be")
    named = (*OUTCOMES.values(), LOST, VOID, "interrupted", "broken", "silent", UNFINISHED, ENDED_EARLY)
    assert not [word for word in named if not re.search(rf"^\|.*\b{word}\b.*\|", words, re.MULTILINE)]
    statuses = re.findall(r"^\| (\d+) \|", section("Exit statuses"), re.MULTILINE)
    assert {int(status) for status in statuses} == {0, 1, 2, LEFT, 130, CLOSED_PIPE}
    assert not [status for status in STATUSES if f"`{status}`" not in section("What a response can be")]


@pytest.mark.parametrize(("word", "sentence"), REFUSALS, ids=[word for word, _ in REFUSALS])
def test_a_refusal_begins_as_the_page_says(word: str, sentence: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}"):
        compose(["objective=sspo", word] if not word.startswith("objective=") else [word])


def test_there_is_an_example_of_every_family() -> None:
    assert len(REFUSALS) == 8

"""Texts from a run's files reach the terminal as text: no escape sequence, no markup, no mark that reverses a line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.text import Text
from test_run_and_status import smoke

from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.runs.runlog import FAILED, mark_failed
from sweeps.control.sweep import conclude
from sweeps.ledger.leases import Lease, end
from sweeps.ledger.machine import this_machine
from sweeps.ledger.state import standing
from sweeps.monitor.board import Board
from sweeps.monitor.live_view import View, table
from sweeps.monitor.status import show_status
from sweeps.monitor.terminal import SafeConsole
from sweeps.plan.pace import Pace
from sweeps.workers.attempts import attempts_folder

HOSTILE = {
    "clears the screen": "\x1b[2J\x1b[H",
    "sets the clipboard": "\x1b]52;c;Y2F0\x07",
    "is a link": "\x1b]8;;http://a.b\x1b\\",
    "C1": "\x9b2J\x85",
    "turns direction": "\u202eabc\u2066",
    "lone surrogate": "\ud800",
    "overwrites its line": "done\rFAILED\x08\x0b\x0c\x7f",
    "markup": "[bold red][/nothing] :skull: [link=http://a.b]x[/link]",
}
MARKUP = HOSTILE["markup"]


def acts(text: str) -> list[str]:
    """Return the characters that would control a terminal."""
    return [character for character in text if not character.isprintable() and character != "\n"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_messages_tails_reasons_and_hosts_are_shown_and_do_nothing(text: str, tmp_path: Path) -> None:
    plan = smoke(tmp_path)
    failed, lives, *_ = plan.trials()
    mark_failed(failed.folder, "error", f"it said {text}", f"last line\n{text}")
    marked = json.loads((failed.folder / FAILED).read_text())
    (failed.folder / FAILED).write_text(json.dumps({**marked, "reason": f"odd {text}"}))
    attempts_folder(lives.folder).mkdir(parents=True)
    holder = Lease(number=1, machine=f"not {this_machine()}", host=f"far {text}", processes=((1, "1"),))
    end(attempts_folder(lives.folder), holder, "")
    printed = io.StringIO()
    console = SafeConsole(printed, width=300)
    show_status(plan, console)
    conclude(plan.trials(), console)
    board = Board(workers=1, pace=Pace())
    board.settle(failed, standing(failed.folder))
    board.elsewhere = ((lives.folder, f"far {text}"),)
    with View(board, console):
        console.print(table(board))
    shown = printed.getvalue()
    assert acts(shown) == []
    assert shown.count("it said") == 3  # status, conclude and the view
    assert "far " in shown
    assert "odd " in shown
    if text == MARKUP:
        assert shown.count(MARKUP) >= 5
    shown.encode()


def test_an_error_that_quotes_a_file_is_one_line_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> int:
        raise UserError(f"the file says {HOSTILE['clears the screen']}")

    assert one_sentence(refuse) == 2
    assert capsys.readouterr().err == "error: the file says ␛[2J␛[H\n"


def test_a_terminal_still_gets_what_rich_itself_draws() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    printed = Terminal()
    console = SafeConsole(printed, width=60)
    console.show_cursor(False)
    console.print(Text("\x1b[31m", style="bold"))
    assert printed.getvalue().startswith("\x1b[?25l")
    assert "␛[31m" in printed.getvalue()

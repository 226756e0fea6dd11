"""The live view: a table on a terminal, plain lines elsewhere. It runs in its own thread, so that a slow or
stopped terminal never blocks the pool.
"""

from __future__ import annotations

import threading
import time
from queue import Empty

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeps.monitor.board import Board, Running
from sweeps.monitor.terminal import duration
from sweeps.plan.pace import rollouts_done

REFRESH = 0.5
HEARTBEAT = 30.0
"""Seconds between plain lines that only report progress."""
PATIENCE = 2.0
"""Seconds that the end of a sweep waits for the view to catch up."""


class View:
    """A view that shows a board inside its `with` block."""

    def __init__(self, board: Board, console: Console):
        self.board = board
        self.console = console
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True, name="view")

    def __enter__(self) -> View:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join(PATIENCE)

    def _show(self) -> None:
        if self.console.is_terminal:
            self._show_table()
        else:
            self._show_lines()

    def _show_table(self) -> None:
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not self._over.wait(REFRESH):
                self._print_news()
                live.update(table(self.board), refresh=True)
        self._print_news()

    def _show_lines(self) -> None:
        printed = time.monotonic()
        while not self._over.wait(REFRESH):
            if self._print_news():
                printed = time.monotonic()
            elif time.monotonic() - printed >= HEARTBEAT:
                self._print(heartbeat(self.board))
                printed = time.monotonic()
        self._print_news()

    def _print_news(self) -> bool:
        """Print the board's new lines. Returns whether there were any."""
        printed = False
        while True:
            try:
                line = self.board.lines.get_nowait()
            except Empty:
                return printed
            self._print(line)
            printed = True

    def _print(self, line: str) -> None:
        self.console.print(Text(line), soft_wrap=True)


def heartbeat(board: Board) -> str:
    """Return the running trials and the time left, in one line."""
    running = ", ".join(f"{item.trial.label} {_progress(item)}" for item in board.running.values())
    return f"running {running or 'nothing'}; {board.summary()}"


def table(board: Board) -> Group:
    """Return a table with one row per worker, and the counts below it."""
    grid = Table(box=None, pad_edge=False)
    for heading in ("worker", "trial", "rollouts", "", "elapsed"):
        grid.add_column(heading)
    taken = {slot: item.trial.label for item in board.running.values() for slot in item.slots}
    for slot in range(board.workers):
        item = board.running.get(slot)
        if item is None:
            grid.add_row(str(slot), f"({taken[slot]})" if slot in taken else "idle")
        else:
            bar = ProgressBar(
                total=max(item.trial.rollouts, 1), completed=rollouts_done(item.trial.folder), width=24
            )
            grid.add_row(str(slot), item.trial.label, _progress(item), bar, duration(item.elapsed()))
    return Group(grid, Text(board.summary()))


def _progress(item: Running) -> str:
    if item.trial.rollouts == 0:
        return "evaluating"
    return f"{rollouts_done(item.trial.folder)}/{item.trial.rollouts}"

"""Words of the command lines of replay and calibrate -> run folders, requests and shares."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from sspo.config.plugins.in_use import files_in_use, files_in_words
from sspo.errors import UserError
from sspo.processes import MOST_UNASKED
from sspo.replay.source import RecordedRun, open_run
from sspo.runs.identity import cell_hash
from sspo.runs.trust import refuse_changed, refuse_unnamed

PROCESSES = "--processes"
RULES = "segmentation."
"""Begins the options of a run's rule, which a replay runs only where it is asked for."""


def split_words(words: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Return run folders, and key=value words. An existing folder may contain a '='."""
    folders = [word for word in words if "=" not in word or Path(word).is_dir()]
    return [Path(word) for word in folders], [word for word in words if word not in folders]


def parse_runs(folders: Sequence[Path], words: Sequence[str] = ()) -> list[RecordedRun]:
    """Return the recorded runs. Raises UserError if there are none, one is not a recorded run, two are the same run, or
    one needs a user's own file that no word names.
    """
    if not folders:
        raise UserError("name one or more run folders, such as <store>/cells/<cell>/seed0")
    runs: dict[tuple[str, int], RecordedRun] = {}
    for folder in folders:
        run = open_run(folder)
        files = files_in_use(run.config)
        refuse_unnamed({name: key for name, key in files.items() if not key.startswith(RULES)}, words)
        refuse_changed(folder, run.config, files_in_words(words))
        other = runs.setdefault((cell_hash(run.config), run.config.seed), run)
        if other is not run:
            raise UserError(
                f"{other.folder} and {folder} are the same run (cell {cell_hash(run.config)}, seed {run.config.seed}): "
                "name it once, or its rollouts count twice"
            )
    return list(runs.values())


def parse_shares(option: str, text: str | None) -> tuple[float, ...]:
    """Return the clip fractions of a comma list, each once and in its order; empty for None. Raises UserError."""
    shares = [] if text is None else [_share(option, part) for part in text.split(",")]
    return tuple(dict.fromkeys(shares))


def _share(option: str, part: str) -> float:
    try:
        share = float(part)
    except ValueError:
        share = 0.0
    if not 0 < share < 0.5:
        raise UserError(
            f"{option}: a clip fraction is a number in (0, 0.5), because about half of the tokens move away from their clip, got '{part}'"
        )
    return share


def add_processes(parser: ArgumentParser) -> None:
    """Add the option for the number of processes that share the rollouts."""
    parser.add_argument(
        PROCESSES,
        type=int,
        metavar="N",
        help=f"processes that share the rollouts (default: one per core, {MOST_UNASKED} at most); the result is the same",
    )

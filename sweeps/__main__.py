"""`python -m sweeps run|replay|plan|status|show|trial NAME`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from sspo.compose import CONF_ROOT
from sspo.errors import UserError, one_sentence, unknown
from sweeps.engines.table import DEFAULT_ENGINE, ENGINES
from sweeps.plan import Plan, make_plan
from sweeps.replay import run_replay
from sweeps.run import run_sweep
from sweeps.show import show_arm
from sweeps.spec import DEFAULT_PRESET, PRESETS
from sweeps.status import show_status
from sweeps.study import load
from sweeps.training import RunOptions
from sweeps.trial_command import run_trial

PLAIN_WIDTH = 160
"""Columns where there is no terminal to ask."""
COMMANDS = {
    "run": "run what is missing; finished trials are never run again",
    "replay": "evaluate other objectives and clip bounds on recorded rollouts; trains what is not recorded yet",
    "plan": "say what would run, for how long, and what it will be able to tell",
    "status": "say where every trial stands",
    "show": "print the training command that makes an arm",
    "trial": "run one trial in this process, for a scheduler of your own",
}
ENGINE_WORDS = ("--engine", "--engine-option", "--detach")
OPTIONS = {
    "run": ("--preset", "--store", "--workers", "--retry-failed", "--timeout", *ENGINE_WORDS),
    "replay": ("--preset", "--store", "--workers", "--retry-failed"),
    "plan": ("--preset", "--store", "--workers"),
    "status": ("--preset", "--store"),
    "show": ("--preset", "--store"),
    "trial": ("--preset", "--store", "--retry-failed", "--timeout"),
}


def main() -> int:
    """Parse the command line and run one command. Returns its exit status."""
    arguments = _arguments(sys.argv[1:])
    plan = make_plan(load(CONF_ROOT / "study", arguments.name), arguments.preset, arguments.store)
    return _dispatch(arguments, plan, _console())


def _dispatch(arguments: argparse.Namespace, plan: Plan, console: Console) -> int:
    if arguments.command == "run":
        options = RunOptions(
            workers=arguments.workers,
            retry_failed=arguments.retry_failed,
            timeout=arguments.timeout,
            engine=arguments.engine,
            engine_options=tuple(arguments.engine_option),
            detach=arguments.detach,
        )
        return run_sweep(plan, options, console)
    if arguments.command == "trial":
        options = RunOptions(retry_failed=arguments.retry_failed, timeout=arguments.timeout)
        return run_trial(plan, arguments.arm, arguments.seed, options, console)
    if arguments.command == "replay":
        options = RunOptions(workers=arguments.workers, retry_failed=arguments.retry_failed)
        return run_replay(plan, options, console)
    if arguments.command == "status":
        return show_status(plan, console)
    if arguments.command == "show":
        return show_arm(plan, arguments.arm, console)
    from sweeps.plan_view import show_plan  # imports scipy, which the other commands need not wait for

    return show_plan(plan, arguments.workers, console)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH, highlight=False)


class _Parser(argparse.ArgumentParser):
    """Refuses in one sentence instead of a block of usage."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; `{self.prog} --help` says what there is")


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    """The parsed command line. Raises UserError, with the nearest valid name for a mistyped one."""
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        raise unknown("command", words[0], COMMANDS)
    arguments, rest = _parser().parse_known_args(words)
    for word in rest:
        if word.startswith("-"):
            raise unknown(f"option of {arguments.command}", word, OPTIONS[arguments.command])
        raise UserError(f"'{word}' is one word too many for `sweeps {arguments.command}`")
    return arguments


def _parser() -> _Parser:
    parser = _Parser(prog="python -m sweeps", description="Run the arms and seeds of a study.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
        command.add_argument("name", metavar="NAME", help="a study in conf/study/")
        if name in ("show", "trial"):
            command.add_argument("arm", metavar="ARM")
        if name == "trial":
            command.add_argument("seed", metavar="SEED", type=_seed)
        for option in OPTIONS[name]:
            _add_option(command, option)
    return parser


def _add_option(command: argparse.ArgumentParser, option: str) -> None:
    if option == "--preset":
        text = f"{', '.join(PRESETS)} (default: {DEFAULT_PRESET})"
        command.add_argument(option, default=DEFAULT_PRESET, help=text)
    elif option == "--store":
        text = "folder of all runs (default: runs)"
        command.add_argument(option, type=Path, default=Path("runs"), help=text)
    elif option == "--workers":
        text = "trials at a time (default: one a CUDA device, or a processor where there is none)"
        command.add_argument(option, type=_workers, metavar="N", help=text)
    elif option == "--timeout":
        text = "limit of one trial (default: none)"
        command.add_argument(option, type=_seconds, metavar="SECONDS", help=text)
    elif option in ENGINE_WORDS:
        _add_engine_option(command, option)
    else:
        text = "run failed trials once more; one that diverged has its result and is not run again"
        command.add_argument(option, action="store_true", help=text)


def _add_engine_option(command: argparse.ArgumentParser, option: str) -> None:
    if option == "--engine":
        text = f"where trials run: {', '.join(ENGINES)} (default: {DEFAULT_ENGINE}); see docs/clusters.md"
        command.add_argument(option, default=DEFAULT_ENGINE, help=text)
    elif option == "--engine-option":
        text = "an option of the engine, such as cpus=2; may be repeated"
        command.add_argument(option, action="append", default=[], metavar="KEY=VALUE", help=text)
    else:
        text = "leave once every trial is placed, where the engine runs them without us"
        command.add_argument(option, action="store_true", help=text)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"SEED must be a whole number, got '{text}'")
    return int(text)


def _workers(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise UserError(f"--workers (make: WORKERS) must be a whole number of at least 1, got '{text}'")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise UserError(f"--timeout must be a positive number of seconds, got '{text}'")
    return seconds


if __name__ == "__main__":
    sys.exit(one_sentence(main))

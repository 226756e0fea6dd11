"""`python -m sweeps run|plan|status|show NAME`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from sspo.compose import CONF_ROOT
from sspo.errors import one_sentence
from sweeps.plan import Plan, make_plan
from sweeps.run import RunOptions, run_sweep
from sweeps.show import show_arm
from sweeps.status import show_status
from sweeps.study import DEFAULT_PRESET, PRESETS, load

PLAIN_WIDTH = 160
"""Columns where there is no terminal to ask."""


def main() -> int:
    """Parse the command line and run one command. Returns its exit status."""
    arguments = _parser().parse_args()
    plan = make_plan(load(CONF_ROOT / "study", arguments.name), arguments.preset, arguments.store)
    return _dispatch(arguments, plan, _console())


def _dispatch(arguments: argparse.Namespace, plan: Plan, console: Console) -> int:
    if arguments.command == "run":
        options = RunOptions(
            workers=arguments.workers, retry_failed=arguments.retry_failed, timeout=arguments.timeout
        )
        return run_sweep(plan, options, console)
    if arguments.command == "status":
        return show_status(plan, console)
    if arguments.command == "show":
        return show_arm(plan, arguments.arm, console)
    from sweeps.plan_view import show_plan  # imports scipy, which the other commands need not wait for

    return show_plan(plan, arguments.workers, console)


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH, highlight=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sweeps", description="Run the arms and seeds of a study."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = _command(commands, "run", "run what is missing; finished trials are never run again")
    run.add_argument("--retry-failed", action="store_true", help="run failed trials once more")
    run.add_argument("--timeout", type=float, metavar="SECONDS", help="limit of one trial (default: none)")
    plan = _command(commands, "plan", "say what would run, for how long, and what it will be able to tell")
    for command in (run, plan):
        command.add_argument("--workers", type=int, help="trials at a time (default: one a processor)")
    _command(commands, "status", "say where every trial stands")
    show = _command(commands, "show", "print the training command that makes an arm")
    show.add_argument("arm", metavar="ARM")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, purpose: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=purpose, description=purpose)
    command.add_argument("name", metavar="NAME", help="a study in conf/study/")
    command.add_argument(
        "--preset", default=DEFAULT_PRESET, help=f"{', '.join(PRESETS)} (default: {DEFAULT_PRESET})"
    )
    command.add_argument(
        "--store", type=Path, default=Path("runs"), help="folder of all runs (default: runs)"
    )
    return command


if __name__ == "__main__":
    sys.exit(one_sentence(main))

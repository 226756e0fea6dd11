"""Reports of studies: write one (report, replay), trace a number to its runs (why), check that nothing changed (verify),
print digests to keep elsewhere (anchor), put all reports on one page (index), watch a study while it runs (dashboard),
show single runs side by side (run), make a study of other tools' logs (import), list every logged number (table), compare
evaluations (evaluate), or fit a hierarchical model for a second opinion (hierarchy).
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sspo.console import interrupts  # noqa: F401 (first, for what follows takes a second)

# isort: split
from analysis.evaluations.command import add_evaluate_command
from analysis.hierarchy.command import add_hierarchy_command
from analysis.import_commands import add_import_commands
from analysis.logs.manifest import DEFAULT_PRESET, PRESETS, report_folder
from analysis.logs.replay_source import SUMMARY
from analysis.provenance.freshness import is_fresh
from analysis.refusals import refused
from analysis.single_runs.command import add_run_command
from sspo.console.command_line import Parser, parse
from sspo.console.one_sentence import one_sentence
from sspo.console.version import VERSION_WORDS, version_line
from sspo.errors import unknown

DASHBOARD_PORT = 8765
LOOK = "test a registered study before its end; all its later reports count that look (docs/registration.md)"
ONLY_READ = ("why", "verify", "anchor", "dashboard", "run")


def main() -> int:
    """Parse the command line and run one command. Returns its exit status."""
    arguments = parsed(sys.argv[1:])
    if getattr(arguments, "preset", None) not in (None, *PRESETS):
        raise unknown("preset", arguments.preset, PRESETS)
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:
        raise
    except OSError as error:
        raise refused(error, arguments.out, writes=arguments.command not in ONLY_READ) from error


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command line. Raises UserError for an invalid one."""
    parser = Parser(prog="python -m analysis", description=__doc__)
    parser.add_argument(*VERSION_WORDS, action="version", version=version_line())
    commands = parser.add_subparsers(dest="command", required=True)
    _add_commands(commands)
    return parse(parser, commands.choices, words)


def _add_commands(commands: Any) -> None:
    report = commands.add_parser("report", help="write the report folder of a study")
    report.add_argument("name", help="name of the study")
    report.add_argument(
        "--if-stale", action="store_true", help="do nothing if the report is up to date (needs --preset)"
    )
    report.add_argument("--look", action="store_true", help=LOOK)
    report.set_defaults(run=_report)
    replay = commands.add_parser("replay", help="draw a replay, in the report of its study if it has one")
    replay.add_argument("name", help="name of the study, or a folder that `python -m sspo.replay` wrote")
    replay.set_defaults(run=_replay)
    dashboard = commands.add_parser(
        "dashboard", help="watch a study while it runs, in a browser on this machine"
    )
    dashboard.add_argument("name", help="name of the study")
    dashboard.add_argument(
        "--port",
        type=int,
        default=DASHBOARD_PORT,
        help=f"on 127.0.0.1 (default: {DASHBOARD_PORT}; 0: any free one)",
    )
    dashboard.set_defaults(run=_dashboard)
    checks = _add_checks(commands)
    _add_index(commands)
    add_import_commands(commands)
    add_evaluate_command(commands)
    add_run_command(commands)
    add_hierarchy_command(commands)
    defaults = {report: "the strongest with evidence", replay: DEFAULT_PRESET}
    defaults |= dict.fromkeys(checks, "the strongest that has a report")
    defaults[dashboard] = "the one that was planned last"
    for command, preset in defaults.items():
        command.add_argument("--preset", help=f"{', '.join(PRESETS)} (default: {preset})")
        command.add_argument("--store", type=Path, default=Path("runs"), help="run store (default: runs)")
        command.add_argument(
            "--out", type=Path, default=Path("reports"), help="folder of reports (default: reports)"
        )


def _add_checks(commands: Any) -> tuple[Any, ...]:
    why = commands.add_parser("why", help="show the formula and the runs behind a cell or a figure")
    why.add_argument("name", help="name of the study")
    why.add_argument("target", help='"results[ARM,COLUMN]", "results[caption]" or "figure NAME"', nargs="+")
    why.set_defaults(run=_why)
    verify = commands.add_parser(
        "verify", help="hash runs, logs and report again and name what a change touches"
    )
    verify.add_argument("name", help="name of the study")
    verify.add_argument(
        "--anchor",
        help="a digest that `anchor` printed: check that the report, or its logs, are unchanged since",
    )
    verify.set_defaults(run=_verify)
    anchor = commands.add_parser("anchor", help="print digests of a report, for a signed tag or a paper")
    anchor.add_argument("name", help="name of the study")
    anchor.set_defaults(run=_anchor)
    return why, verify, anchor


def _add_index(commands: Any) -> None:
    index = commands.add_parser(
        "index", help="write one page over all reports: answers, tests, looks, runs that several share"
    )
    index.add_argument(
        "--out", type=Path, default=Path("reports"), help="folder of reports (default: reports)"
    )
    index.set_defaults(run=_index)


def _report(arguments: argparse.Namespace) -> int:
    if arguments.if_stale and arguments.preset is not None and not arguments.look:
        place = (arguments.name, arguments.preset, arguments.store, arguments.out)
        if is_fresh(*place):
            print(f"up to date: {report_folder(arguments.out, *place[:2]) / 'index.html'}")
            return 0
    from analysis.report import write_report  # pandas and Matplotlib: not for --help or a fresh report

    gc.disable()  # this process ends with its report, and a tenth of its time went into looking for cycles among figures

    where = (arguments.name, arguments.preset, arguments.store, arguments.out)
    folder, preset = write_report(*where, look=arguments.look)
    print(f"wrote {folder / 'index.html'} (preset {preset})")
    _say_if_edited(folder / "logs")
    return 0


def _say_if_edited(logs: Path) -> None:
    """Note on the terminal that a spec was edited; the report does not, as equal logs give equal reports."""
    from analysis.logs.compact import MANIFEST
    from analysis.logs.manifest import edited_sentence, read_json

    line = edited_sentence(read_json(logs / MANIFEST))
    if line is not None:
        print(line, file=sys.stderr)


def _replay(arguments: argparse.Namespace) -> int:
    from analysis.replay_report import report_replay, show_replay

    folder = Path(arguments.name)
    if (folder / SUMMARY).is_file() or folder.name != arguments.name:  # a path, even where nothing lies there
        print(show_replay(folder))
    else:
        preset = arguments.preset or DEFAULT_PRESET
        print(report_replay(arguments.name, preset, arguments.store, arguments.out))
    return 0


def _why(arguments: argparse.Namespace) -> int:
    from analysis.verify.why import why

    print(why(arguments.name, " ".join(arguments.target), arguments.preset, arguments.out))
    return 0


def _index(arguments: argparse.Namespace) -> int:
    from analysis.across.index import write_index

    print(f"wrote {write_index(arguments.out)}")
    return 0


def _dashboard(arguments: argparse.Namespace) -> int:
    from analysis.live.dashboard import serve

    serve(arguments.name, arguments.preset, arguments.store, arguments.port)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from analysis.verify.verify import verify

    where = (arguments.name, arguments.preset, arguments.store, arguments.out)
    found = verify(*where, anchor=arguments.anchor)
    print("\n".join(found.lines))
    return 0 if found.intact else 1


def _anchor(arguments: argparse.Namespace) -> int:
    from analysis.verify.anchor import anchor_lines

    print("\n".join(anchor_lines(arguments.name, arguments.preset, arguments.out)))
    return 0


if __name__ == "__main__":
    sys.exit(one_sentence(main))

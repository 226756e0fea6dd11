"""`python -m analysis report NAME`: the report of a study; `replay NAME|FOLDER`: of a replay; `import NAME`: logs of other
tools as a study to report; `table NAME`: every logged number of a study as one table (docs/logs.md)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.freshness import is_fresh
from analysis.import_commands import add_import_commands
from analysis.replay_source import SUMMARY
from analysis.study import DEFAULT_PRESET, PRESETS, report_folder
from sspo.errors import UserError, one_sentence, unknown


def main() -> int:
    """Parse the command line and write what it asks for; what is printed says where and from which preset."""
    arguments = _parser().parse_args()
    if getattr(arguments, "preset", None) not in (None, *PRESETS):
        raise unknown("preset", arguments.preset, PRESETS)
    try:
        return int(arguments.run(arguments))
    except OSError as error:
        raise UserError(
            f"the report cannot be written: {error.strerror or error} ({error.filename or arguments.out}); "
            "free that place or choose another folder with --out"
        ) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="write the report folder of a study")
    report.add_argument("name", help="name of the study")
    report.add_argument(
        "--if-stale", action="store_true", help="do nothing where the report is up to date (needs --preset)"
    )
    report.set_defaults(run=_report)
    replay = commands.add_parser("replay", help="draw a replay, in its study's report where there is one")
    replay.add_argument("name", help="name of the study, or a folder that `python -m sspo.replay` wrote")
    replay.set_defaults(run=_replay)
    add_import_commands(commands)
    defaults = {report: "the strongest there is evidence for", replay: DEFAULT_PRESET}
    for command, preset in defaults.items():
        command.add_argument("--preset", help=f"{', '.join(PRESETS)} (default: {preset})")
        command.add_argument("--store", type=Path, default=Path("runs"), help="run store (default: runs)")
        command.add_argument(
            "--out", type=Path, default=Path("reports"), help="folder of reports (default: reports)"
        )
    return parser


def _report(arguments: argparse.Namespace) -> int:
    if arguments.if_stale and arguments.preset is not None:
        place = (arguments.name, arguments.preset, arguments.store, arguments.out)
        if is_fresh(*place):
            print(f"up to date: {report_folder(arguments.out, *place[:2]) / 'index.html'}")
            return 0
    from analysis.report import write_report  # pandas and Matplotlib: not for --help or a fresh report

    folder, preset = write_report(arguments.name, arguments.preset, arguments.store, arguments.out)
    print(f"wrote {folder / 'index.html'} (preset {preset})")
    return 0


def _replay(arguments: argparse.Namespace) -> int:
    from analysis.replay_report import report_replay, show_replay

    folder = Path(arguments.name)
    if (folder / SUMMARY).is_file() or folder.name != arguments.name:  # a path, even where nothing lies there
        print(show_replay(folder))
    else:
        preset = arguments.preset or DEFAULT_PRESET
        print(report_replay(arguments.name, preset, arguments.store, arguments.out))
    return 0


if __name__ == "__main__":
    sys.exit(one_sentence(main))

"""`python -m analysis report NAME`: the report of a study from its run folders or its compact logs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.freshness import is_fresh
from analysis.study import PRESETS, report_folder
from sspo.errors import UserError, one_sentence, unknown


def main() -> int:
    """Parse the command line and write the report; the one line printed says where and from which preset."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="write the report folder of a study")
    report.add_argument("name", help="name of the study")
    report.add_argument(
        "--preset", help=f"{', '.join(PRESETS)} (default: the strongest there is evidence for)"
    )
    report.add_argument("--store", type=Path, default=Path("runs"), help="run store (default: runs)")
    report.add_argument(
        "--out", type=Path, default=Path("reports"), help="folder of reports (default: reports)"
    )
    report.add_argument(
        "--if-stale", action="store_true", help="do nothing where the report is up to date (needs --preset)"
    )
    arguments = parser.parse_args()
    try:
        return _report(arguments)
    except OSError as error:
        raise UserError(
            f"the report cannot be written: {error.strerror or error} ({error.filename or arguments.out}); "
            "free that place or choose another folder with --out"
        ) from error


def _report(arguments: argparse.Namespace) -> int:
    if arguments.preset not in (None, *PRESETS):
        raise unknown("preset", arguments.preset, PRESETS)
    if arguments.if_stale and arguments.preset is not None:
        place = (arguments.name, arguments.preset, arguments.store, arguments.out)
        if is_fresh(*place):
            print(f"up to date: {report_folder(arguments.out, *place[:2]) / 'index.html'}")
            return 0
    from analysis.report import write_report  # pandas and Matplotlib: not for --help or a fresh report

    folder, preset = write_report(arguments.name, arguments.preset, arguments.store, arguments.out)
    print(f"wrote {folder / 'index.html'} (preset {preset})")
    return 0


if __name__ == "__main__":
    sys.exit(one_sentence(main))

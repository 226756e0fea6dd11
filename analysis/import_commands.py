"""The commands `import` and `table` of `python -m analysis`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analysis.study import IMPORTED

OPTIONS: dict[str, dict[str, Any]] = {
    "--title": {"help": "title of the report"},
    "--question": {"help": "what the runs were to answer"},
    "--baseline": {"help": "arm that the others are tested against (default: the first)"},
    "--primary": {
        "action": "append",
        "metavar": "METRIC",
        "help": "metric that scores a run; may be repeated",
    },
    "--scale": {"type": float, "help": "what makes it a share in [0, 1]: 0.01 for percent"},
    "--final-step": {"type": int, "help": "the fixed last step (default: the last one with a score)"},
    "--test": {"help": "welch (default), or paired where runs of one seed share their randomness"},
    "--arm-from": {"metavar": "KEY", "help": "logged option or column that names the arm (default: arm)"},
    "--seed-from": {"metavar": "KEY", "help": "the same for the seed (default: seed)"},
    "--importance-sampling-level": {"help": "TRL's option, where its logs do not hold it"},
    "--loss-mode": {"help": "verl's policy_loss.loss_mode, likewise"},
    "--loss-agg-mode": {"help": "verl's, likewise"},
}


def add_import_commands(commands: Any) -> None:
    """Add both to the subparsers of the command line."""
    read = commands.add_parser("import", help="make a study of logs of W&B, TensorBoard, TRL, verl, CSV")
    read.add_argument("name", help="what to call the study")
    read.add_argument(
        "--from", dest="sources", action="extend", nargs="+", default=[], metavar="[ARM:SEED=]PATH",
        help="logs of one run, or of several that name their arm and seed",
    )  # fmt: skip
    read.add_argument("--map", type=Path, metavar="FILE", help="YAML file of the same, for many runs")
    for option, details in OPTIONS.items():
        read.add_argument(option, **details)
    read.add_argument(
        "--out", type=Path, default=Path("reports"), help="folder of reports (default: reports)"
    )
    read.set_defaults(run=_import)
    table = commands.add_parser("table", help="every logged number of a study as one CSV or Parquet table")
    table.add_argument("name", help="name of the study")
    table.add_argument("--preset", required=True, help="whose runs or compact logs")
    table.add_argument("--to", type=Path, required=True, metavar="FILE", help="FILE.csv or FILE.parquet")
    table.add_argument("--store", type=Path, default=Path("runs"), help="run store (default: runs)")
    table.add_argument(
        "--out", type=Path, default=Path("reports"), help="folder of reports (default: reports)"
    )
    table.set_defaults(run=_table)


def _import(arguments: argparse.Namespace) -> int:
    from analysis.importers.spec import load_spec
    from analysis.importers.study import import_study

    names = [option.removeprefix("--").replace("-", "_") for option in OPTIONS]
    options = {name: getattr(arguments, name) for name in names}
    options["primary"] = tuple(options["primary"] or ())
    folder = import_study(arguments.name, load_spec(arguments.map, arguments.sources, options), arguments.out)
    print(
        f"wrote {folder}; now: python -m analysis report {arguments.name} --preset {IMPORTED} --out {arguments.out}"
    )
    return 0


def _table(arguments: argparse.Namespace) -> int:
    from analysis.tidy import write_tidy

    rows = write_tidy(arguments.name, arguments.preset, arguments.store, arguments.out, arguments.to)
    print(f"wrote {rows:,} numbers to {arguments.to}")
    return 0

"""The commands `import` and `table` of `python -m analysis`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analysis.logs.manifest import IMPORTED
from sspo.console.spoken import spoken
from sspo.errors import UserError

OPTIONS: dict[str, dict[str, Any]] = {
    "--title": {"help": "title of the report"},
    "--question": {"help": "what the runs were to answer"},
    "--baseline": {"help": "arm that the others are tested against (default: the first)"},
    "--primary": {
        "action": "append",
        "metavar": "METRIC",
        "help": "metric that scores a run, or an answer where a tool gives several; may be repeated",
    },
    "--label": {
        "action": "append",
        "default": [],
        "metavar": "METRIC=LABEL",
        "help": "what tables call a primary metric, or a set of results by question (default: its name)",
    },
    "--unit": {
        "action": "append",
        "default": [],
        "metavar": "METRIC=UNIT",
        "help": "what a primary metric is counted in: percent, or any word such as tokens (default: its own unit, not named)",
    },
    "--named": {
        "action": "append",
        "default": [],
        "metavar": "NAME=ARM:SEED",
        "help": "whose a run is that files of several runs, such as W&B's charts, call by this name; may be repeated",
    },
    "--scale": {
        "type": float,
        "help": "what makes accuracies shares in [0, 1] (1, or 0.01 for percent): the report then has percent points",
    },
    "--final-step": {"type": int, "help": "the fixed last step (default: the last one with a score)"},
    "--smallest-effect": {
        "type": float,
        "help": "the least difference of the average that would matter, in its unit after --scale",
    },
    "--arm-from": {"metavar": "KEY", "help": "logged option or column that names the arm (default: arm)"},
    "--seed-from": {"metavar": "KEY", "help": "the same for the seed (default: seed)"},
    "--step-from": {
        "metavar": "KEY",
        "help": "column that holds the training step (default: the first of step, global_step, .., _step that is there)",
    },
    "--importer": {
        "metavar": "NAME|FILE.py:NAME",
        "help": "what reads every source: an importer's name, or one of your own (docs/extending.md; default: the first that matches)",
    },
    "--base": {"help": "the one base model that all runs started from"},
    "--claims": {
        "action": "append",
        "metavar": "FILE",
        "help": "file of conf/claims to judge by these runs, such as `paper` (default: none)",
    },
    "--reference": {
        "action": "store_true",
        "help": "show what the SSPO paper reports below the results (needs --scale)",
    },
    "--importance-sampling-level": {"help": "TRL's option, where its logs do not hold it"},
    "--loss-mode": {"help": "verl's policy_loss.loss_mode, likewise"},
    "--loss-agg-mode": {"help": "verl's, likewise"},
}

SEED_LENGTH = 19
OF_MIRRORS = ("--title", "--question", "--baseline")
"""What may be said of runs that are read from their W&B mirrors, which know the rest."""


def add_import_commands(commands: Any) -> None:
    """Add both to the subparsers of the command line."""
    read = commands.add_parser(
        "import",
        help="make a study of logs of W&B, TensorBoard, TRL, verl, CSV, or of results by question of lm-eval, lighteval, "
        "evalscope, verl",
    )
    read.add_argument("name", help="what to call the study")
    read.add_argument(
        "--from", dest="sources", action="extend", nargs="+", default=[], metavar="[ARM:SEED=]PATH[#RUN]",
        help="logs of one run (of a file of several: RUN), or of several that name their arm and seed",
    )  # fmt: skip
    read.add_argument(
        "--from-wandb", dest="mirrors", action="extend", nargs="+", type=Path, default=[], metavar="FOLDER",
        help="folders with offline W&B runs of this project, however deep: arms, seeds and the plan are what they carry",
    )  # fmt: skip
    read.add_argument(
        "--plan",
        metavar="STUDY[.PRESET]",
        help="of runs from W&B: whose plan, where they are of several studies",
    )
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
    if arguments.mirrors:
        return _import_mirrors(arguments)
    if arguments.plan is not None:
        raise UserError("--plan goes with --from-wandb: logs of other tools carry no plan")
    from analysis.importers.spec import load_spec
    from analysis.importers.study import import_study

    names = [option.removeprefix("--").replace("-", "_") for option in OPTIONS]
    options = {name: getattr(arguments, name) for name in names}
    options |= {name: tuple(options[name] or ()) for name in ("primary", "claims")}
    options["labels"] = dict(_pair("label", "METRIC=LABEL", text) for text in options.pop("label"))
    options["units"] = dict(_pair("unit", "METRIC=UNIT", text) for text in options.pop("unit"))
    options["names"] = dict(map(_named, options.pop("named")))
    folder = import_study(arguments.name, load_spec(arguments.map, arguments.sources, options), arguments.out)
    return _wrote(folder, arguments)


def _import_mirrors(arguments: argparse.Namespace) -> int:
    from analysis.importers.mirrors.study import import_mirrors

    unused = [
        option
        for option in ("--map", *OPTIONS)
        if option not in OF_MIRRORS and getattr(arguments, option.removeprefix("--").replace("-", "_"))
    ]
    if arguments.sources or unused:
        said = "--from" if arguments.sources else unused[0]
        raise UserError(f"--from-wandb reads all that it needs from the mirrors: leave out {said}")
    given = {
        option.removeprefix("--"): getattr(arguments, option.removeprefix("--")) for option in OF_MIRRORS
    }
    folder, what = import_mirrors(
        arguments.name, arguments.mirrors, arguments.out, plan=arguments.plan, said=given
    )
    print(f"read {what}")
    return _wrote(folder, arguments)


def _wrote(folder: Path, arguments: argparse.Namespace) -> int:
    again = f"python -m analysis report {arguments.name} --preset {IMPORTED} --out {arguments.out}"
    print(f"wrote {folder}; now: {spoken(again)}")
    return 0


def _pair(what: str, form: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UserError(f"a {what} is given as {form}, got '{text}'")
    return name, value


def _named(text: str) -> tuple[str, Any]:
    from analysis.importers.spec import NamedRun

    name, _, whose = text.rpartition("=")
    arm, _, seed = whose.rpartition(":")
    if not (name and arm and seed.removeprefix("-").isdecimal() and len(seed) <= SEED_LENGTH):
        raise UserError(f"a run is given as NAME=ARM:SEED, such as red-1=grpo:0, got '{text}'")
    return name, NamedRun(arm=arm, seed=int(seed))


def _table(arguments: argparse.Namespace) -> int:
    from analysis.logs.long_table import write_tidy

    rows = write_tidy(arguments.name, arguments.preset, arguments.store, arguments.out, arguments.to)
    print(f"wrote {rows:,} numbers to {arguments.to}")
    return 0

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
    "--question": {"help": "question that the runs were meant to answer"},
    "--baseline": {"help": "arm that the others are tested against (default: the first that is given)"},
    "--primary": {
        "action": "append",
        "metavar": "METRIC",
        "help": "metric that scores a run, or an answer if a tool logs several; may be repeated",
    },
    "--label": {
        "action": "append",
        "default": [],
        "metavar": "METRIC=LABEL",
        "help": "name of a primary metric, or of a set of results by question, in tables (default: its own name)",
    },
    "--unit": {
        "action": "append",
        "default": [],
        "metavar": "METRIC=UNIT",
        "help": "unit of a primary metric: percent, or any word such as tokens (default: its own unit, unnamed)",
    },
    "--named": {
        "action": "append",
        "default": [],
        "metavar": "NAME=ARM:SEED",
        "help": "arm and seed of the run that files of several runs, such as W&B's charts, call by this name; may be repeated",
    },
    "--scale": {
        "type": float,
        "help": "factor that turns accuracies into shares in [0, 1] (1, or 0.01 for percent): the report then uses percentage points",
    },
    "--final-step": {
        "type": int,
        "help": "step that scores every run (default: each run's last step with a score)",
    },
    "--smallest-effect": {
        "type": float,
        "help": "smallest difference of the average that would matter, in its unit after --scale",
    },
    "--arm-from": {"metavar": "KEY", "help": "logged option or column that names the arm (default: arm)"},
    "--seed-from": {"metavar": "KEY", "help": "logged option or column that holds the seed (default: seed)"},
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
        "help": "file of conf/claims to judge with these runs, such as `paper` (default: none)",
    },
    "--reference": {
        "action": "store_true",
        "help": "show the SSPO paper's published numbers below the results (needs --scale)",
    },
    "--importance-sampling-level": {"help": "TRL's option, if its logs do not contain it"},
    "--loss-mode": {"help": "verl's policy_loss.loss_mode, if its logs do not contain it"},
    "--loss-agg-mode": {"help": "verl's loss_agg_mode, if its logs do not contain it"},
}

SEED_LENGTH = 19
OF_MIRRORS = ("--title", "--question", "--baseline")
"""Options accepted with --from-wandb; the mirrors carry the rest."""


def add_import_commands(commands: Any) -> None:
    """Add both commands to the subparsers of the command line."""
    read = commands.add_parser(
        "import",
        help="make a study from logs of W&B, TensorBoard, TRL, verl, CSV, or from results by question of lm-eval, lighteval, "
        "evalscope, verl",
    )
    read.add_argument("name", help="name of the new study")
    read.add_argument(
        "--from", dest="sources", action="extend", nargs="+", default=[], metavar="[ARM:SEED=]PATH[#RUN]",
        help="logs of one run (#RUN picks it from a file of several), or of several runs that name their arm and seed",
    )  # fmt: skip
    read.add_argument(
        "--from-wandb", dest="mirrors", action="extend", nargs="+", type=Path, default=[], metavar="FOLDER",
        help="folders with offline W&B runs of this project, at any depth: arms, seeds and the plan are read from the runs",
    )  # fmt: skip
    read.add_argument(
        "--plan",
        metavar="STUDY[.PRESET]",
        help="with --from-wandb: the study and preset to read, if the runs belong to several",
    )
    read.add_argument(
        "--map", type=Path, metavar="FILE", help="YAML file with the same options, for many runs"
    )
    for option, details in OPTIONS.items():
        read.add_argument(option, **details)
    read.add_argument(
        "--out", type=Path, default=Path("reports"), help="folder of reports (default: reports)"
    )
    read.set_defaults(run=_import)
    table = commands.add_parser("table", help="every logged number of a study as one CSV or Parquet table")
    table.add_argument("name", help="name of the study")
    table.add_argument("--preset", required=True, help="preset whose runs or compact logs to read")
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
        raise UserError(f"--from-wandb reads everything it needs from the mirrors: leave out {said}")
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
    print(f"wrote {folder}; next: {spoken(again)}")
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

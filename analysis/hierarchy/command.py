"""The command `hierarchy` of `python -m analysis`: printed, and written to the file of --to; never part of a report."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.logs.manifest import PRESETS, report_folder
from sspo.config.places import installed
from sspo.errors import UserError, unknown

if TYPE_CHECKING:
    from analysis.hierarchy.answers import Answers
    from analysis.hierarchy.opinion import Fit

LIBRARY = "numpyro"
ACCEPTANCES = (0.95, 0.995)
"""Target acceptance rates of NUTS: the second if the first leaves divergences."""


def add_hierarchy_command(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    asked = commands.add_parser(
        "hierarchy", help="a second opinion on a study's arms, by a hierarchical model (make setup-hierarchy)"
    )
    asked.add_argument("name", help="name of a study that has a report")
    asked.add_argument(
        "--robust", action="store_true", help="runs vary by a t distribution with 4 degrees of freedom"
    )
    asked.add_argument("--seed", type=int, default=0, help="seed of the sampler (default: 0)")
    asked.add_argument(
        "--to", type=Path, metavar="FILE", help="write the table as well: .md, .tex, .csv or .html"
    )
    asked.add_argument("--preset", help=f"{', '.join(PRESETS)} (default: the strongest that has a report)")
    asked.add_argument(
        "--out", type=Path, default=Path("reports"), help="folder of reports (default: reports)"
    )
    asked.set_defaults(run=_hierarchy)


def _hierarchy(arguments: argparse.Namespace) -> int:
    """Return 0 if the draws can be trusted, 1 if not."""
    if find_spec(LIBRARY) is None:
        raise UserError(
            "the hierarchical model needs NumPyro, which has an environment of its own: run "
            + ("`make setup-hierarchy`" if installed() else f"`make hierarchy NAME={arguments.name}`")
        )
    from analysis.evaluations.command import KINDS, write
    from analysis.evidence.evidence import Evidence
    from analysis.hierarchy.answers import answers_of
    from analysis.hierarchy.opinion import TRUSTED, state_of
    from analysis.hierarchy.shown import opinion_table
    from analysis.inference.rule import rule_of
    from analysis.logs.compact import read_logs
    from analysis.text.plain import to_plain

    if arguments.to is not None and arguments.to.suffix not in KINDS:
        raise UserError(f"--to writes {', '.join(KINDS)}, got {arguments.to.name}")
    evidence = Evidence(read_logs(_logs(arguments.name, arguments.preset, arguments.out)))
    if rule_of(evidence).alpha is None:
        raise UserError(
            f"{arguments.name} is registered and not finished: nothing may be compared before its end or a planned look"
        )
    answers, left_out = answers_of(evidence)
    found = _fitted(answers, arguments.seed, robust=arguments.robust)
    table = opinion_table(evidence, answers, left_out, found, robust=arguments.robust)
    print(to_plain(table), end="")
    if arguments.to is not None:
        write([table], arguments.to)
        print(f"\nwrote {arguments.to}")
    state, _ = state_of(found.divergences, found.rhat, found.ess)
    return 0 if state == TRUSTED else 1


def _logs(name: str, preset: str | None, out: Path) -> Path:
    """Return the compact logs of a study's report. Raises UserError if it has none."""
    folders = [report_folder(out, name, each) / "logs" for each in ([preset] if preset else PRESETS)]
    found = next((folder for folder in folders if (folder / "manifest.json").is_file()), None)
    if found is not None:
        return found
    known = [path.parent.parent.name for path in out.glob("*/logs/manifest.json")]
    raise (
        unknown("study", name, known)
        if known
        else UserError(f"{out} has no report: run `make report NAME={name}`")
    )


def _fitted(answers: Answers, seed: int, *, robust: bool) -> Fit:
    """Return a fit without divergences, or the last one tried."""
    from analysis.hierarchy.model import fit

    found = None
    for acceptance in ACCEPTANCES:
        found = fit(answers, seed=seed, robust=robust, target_accept=acceptance)
        if not found.divergences:
            break
        print(f"{found.divergences} divergences at target acceptance {acceptance}", file=sys.stderr)
    assert found is not None
    return found

"""`python -m sspo.replay RUN... [key=value ...]`: replay clip questions on recorded rollouts, without training."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import torch
from rich.console import Console

from sspo.config.objective_checks import why_unmatched
from sspo.console.command_line import Parser
from sspo.console.one_sentence import one_sentence
from sspo.models.device import resolve_device
from sspo.models.policy import load_policy
from sspo.processes import process_count
from sspo.replay.arguments import PROCESSES, add_processes, parse_runs, parse_shares, split_words
from sspo.replay.evaluate import match_targets, matched_rows, survey
from sspo.replay.fidelity import say_agreement
from sspo.replay.grad_noise import add_noise
from sspo.replay.law.record import law_record
from sspo.replay.law.summary import print_law
from sspo.replay.request import FORMS, Curve, Request, common_curves, parse_request
from sspo.replay.source import RecordedRun
from sspo.replay.summary import console, describe_curves, describe_runs, matched_record, print_summary
from sspo.replay.table import HEAD, TABLE, check_folder, table_of, write_replay

EPILOG = f"""key=value is one of {", ".join(FORMS)}
clip, clip.low and clip.high take a number, a list like 0.1,0.2 or a range like 1e-4:1:log40; clip sets both sides.

  python -m sspo.replay runs/cells/<cell>/seed0 segmentation=token,subsentence objective=sspo clip=1e-4:1:log40
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Exit status 0: the table is written. 1: written, but a recording does not reproduce its run's
    logs. 2: refused.
    """
    torch.set_num_threads(1)  # tensors of one rollout are too small to share
    given = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    folders, words = split_words(given.words)
    request, targets = parse_request(words), parse_shares("--targets", given.targets)
    processes = process_count(PROCESSES, given.processes)
    runs = parse_runs(folders, words)
    chosen = common_curves(request, [run.config for run in runs])
    check_folder(given.out)
    out = console()
    seen = survey(runs, request, processes, "replayed rollouts", with_law=given.law)
    say_agreement(runs, seen.agreements, out)
    law = law_record(seen.laws) if given.law else None
    found = match_targets(chosen, seen.critical, targets)
    matched = [(i, target, match) for i, target, match in found if match is not None]
    table = table_of([*seen.chunks, *matched_rows(runs, request, matched, processes)])
    _say_unmet([(chosen[i], target) for i, target, match in found if match is None])
    measured = 0
    if given.grad_noise:
        table, measured = _with_noise(table, runs, request, out)
    head = {
        "runs": describe_runs(runs, seen.agreements),
        **describe_curves(chosen),
        "request": words,
        "clip": next((word.partition("=")[2] for word in words if word.startswith("clip=")), None),
        "targets": list(targets),
        "matched": [matched_record(chosen[i], target, match) for i, target, match in found],
        "sub_batches": measured or None,
        **({} if law is None else {"law": law}),
    }
    write_replay(given.out, table, head)
    print_summary(out, table)
    if law is not None:
        print_law(out, law)
    out.print(f"wrote {given.out / TABLE} ({table.num_rows} rows) and {HEAD}", soft_wrap=True)
    return 0 if all(mine.holds for mine in seen.agreements) else 1


def _say_unmet(unmet: Sequence[tuple[Curve, float]]) -> None:
    for curve, target in unmet:
        reason = why_unmatched(curve.objective)
        why = (
            "reach it" if reason is None else f"clip anything: its term has no matched form, because {reason}"
        )
        print(
            f"warning: target {100 * target:g} %: no bounds of objective {curve.objective.name} under rule "
            f"{curve.label} {why}",
            file=sys.stderr,
        )


def _with_noise(
    table: pa.Table, runs: Sequence[RecordedRun], request: Request, out: Console
) -> tuple[pa.Table, int]:
    """Return the table with gradient noise if it can be measured, and the number of parts of a rollout that it uses."""
    device = resolve_device("auto")
    table, parts = add_noise(table, runs, request, lambda run: load_policy(run.config.model, device))
    if not parts:
        out.print(
            "no gradient noise: no checkpoint belongs to a recorded rollout (that of the last rollout does if "
            "trainer.record divides trainer.rollouts)",
            soft_wrap=True,
        )
    return table, parts


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="python -m sspo.replay",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words", nargs="*", metavar="RUN|key=value", help="run folders, and options of the replay"
    )
    parser.add_argument(
        "--targets", metavar="SHARES", help="clip fractions to match bounds to, such as 0.005,0.02"
    )
    parser.add_argument(
        "--grad-noise", action="store_true", help="measure gradient noise if a checkpoint is there"
    )
    parser.add_argument(
        "--law", action="store_true", help="estimate how squared log-ratios grow with entropy, by rule"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/replays/last"),
        help="output folder (default: runs/replays/last)",
    )
    add_processes(parser)
    return parser


if __name__ == "__main__":
    sys.exit(one_sentence(main))

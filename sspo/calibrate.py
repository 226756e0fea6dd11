"""`python -m sspo.calibrate RUN --target-clip-frac 0.02 --rules token,subsentence`: find bounds that clip equally
often.

Equal epsilon is not equal clipping. For each segmentation rule this prints the clip bounds at which the ratio taken
over its segments is clipped at the target rate on recorded rollouts, as arms that a study can include.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch
from rich.console import Console

from sspo.compose.hydra_compose import choices
from sspo.config.choices import ADAPTATIONS
from sspo.config.objective_checks import why_unmatched
from sspo.config.plugins.table import check
from sspo.console.command_line import Parser
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError
from sspo.objective.variants import VARIANTS
from sspo.processes import process_count
from sspo.replay.arguments import PROCESSES, add_processes, parse_runs, parse_shares, split_words
from sspo.replay.evaluate import survey
from sspo.replay.fidelity import say_agreement
from sspo.replay.matching import Matched, match, most, units
from sspo.replay.request import Curve, Request, common_curves, matchable, parse_request
from sspo.replay.snippet import check_arm, snippet

RULES = "token,subsentence,sentence,response,random"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the snippet to stdout. Exit status 2: refused, in one sentence."""
    torch.set_num_threads(1)  # tensors of one rollout are too small to share
    given = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    folders, words = split_words(given.words)
    (target, *more) = parse_shares("--target-clip-frac", given.target_clip_frac)
    if more:
        raise UserError("--target-clip-frac takes one share; run calibrate once for each")
    request, processes = _request(words, given.rules), process_count(PROCESSES, given.processes)
    runs = parse_runs(folders, words)
    chosen = common_curves(request, [run.config for run in runs])
    seen = survey(runs, request, processes, "calibrated rollouts", with_rows=False)
    say_agreement(runs, seen.agreements, Console(stderr=True))
    found = [
        (curve, matched_or_refused(curve, units(of_curve), target))
        for curve, of_curve in zip(chosen, seen.critical, strict=True)
    ]
    names = ", ".join(
        f"{run.describe()['arm']} seed {run.config.seed} (cell {run.describe()['cell']}, {len(run.files)} rollouts)"
        for run in runs
    )
    print(snippet(found, target, names), end="")
    return 0


def _request(words: Sequence[str], rules: str) -> Request:
    """Return a request with every rule as a segment-level ratio: rule 'token' is exactly the token ratio and 'response'
    the response ratio.
    """
    for rule in rules.split(","):
        check("rule", rule, choices("segmentation"), "rule of --rules")
    taken = [word for word in words if word.startswith(("segmentation=", "clip", "objective.ratio="))]
    if taken:
        raise UserError(f"'{taken[0]}' is found or set by calibrate itself: leave it out and use --rules")
    _refuse_own_ratio(words)
    request = parse_request([*words, "objective.ratio=segment", f"segmentation={rules}"])
    if len(request.names["objective"]) > 1:
        raise UserError("calibrate takes one objective: run it once for each")
    return request


def _refuse_own_ratio(words: Sequence[str]) -> None:
    """Refuse bounds that exist for token ratios only, under which no rule can be compared."""
    given = dict(word.partition("=")[::2] for word in words)
    row = VARIANTS.get(given.get("objective", ""))
    adapt = given.get("objective.bounds.adapt", row.bounds.adapt if row else "none")
    if adapt in ADAPTATIONS and ADAPTATIONS[adapt].own_ratio:
        raise UserError(
            f"the bounds of '{adapt}' come from each token's own probability, so no rules can be compared under them: match them on "
            "token ratios with `python -m sspo.replay RUN objective=NAME clip=0.05,0.15 --targets SHARE`"
        )


def matched_or_refused(curve: Curve, critical: Sequence[torch.Tensor], target: float) -> Matched:
    """Return the curve's bounds at the target. Raises UserError if it has none."""
    if not matchable(curve):
        raise UserError(
            f"objective '{curve.objective.name}' has no matched form: {why_unmatched(curve.objective)}"
        )
    found = match(critical, target)
    if found is None:
        raise UserError(
            f"no bounds clip {100 * target:g} % of the matched tokens under rule '{curve.label}': at most "
            f"{100 * most(critical):.3g} % of {sum(map(len, critical))} move towards their clip"
        )
    check_arm(curve, found)
    return found


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m sspo.calibrate", description=__doc__)
    parser.add_argument(
        "words",
        nargs="+",
        metavar="RUN|key=value",
        help="run folders with recordings, and objective.* options",
    )
    parser.add_argument(
        "--target-clip-frac",
        required=True,
        metavar="SHARE",
        help="share of tokens that each rule's bounds clip",
    )
    parser.add_argument(
        "--rules", default=RULES, metavar="RULES", help=f"segmentation rules (default: {RULES})"
    )
    add_processes(parser)
    return parser


if __name__ == "__main__":
    sys.exit(one_sentence(main))

"""`python -m tests.cuda`: the project on this machine's CUDA device; without one, what a CPU can show.

Exit status 0: every number is within its limit. 1: some are not, or a part broke. 2: nothing could be run.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from sspo.console.command_line import Parser
from sspo.console.one_sentence import one_sentence
from sspo.errors import UserError, unknown
from tests.cuda import kit
from tests.cuda.part import PARTS, Part
from tests.cuda.runner import machine, run_all
from tests.cuda.table import as_json, summary, table


def main() -> int:
    """Run the parts that were asked for, print the table, and write the JSON."""
    arguments = _parser().parse_args()
    kit.use(Path(arguments.kit).resolve())
    chosen, here, start = _chosen(arguments.only), machine(), time.monotonic()
    if here["torch"] is None:
        raise UserError(
            f"{sys.executable} cannot import torch ({here['why']}); CUDA_PYTHON=... names another Python"
        )
    if here["versions"]["transformers"] is None:
        raise UserError(f"{sys.executable} has no transformers; CUDA_PYTHON=... names another Python")
    device = arguments.device or ("cuda" if here["card"] else "cpu")
    if device == "cuda" and not here["card"]:
        raise UserError(f"--device cuda, and torch {here['torch']} of {sys.executable} sees no CUDA device")
    size = "small" if arguments.small or device == "cpu" else "full"
    print(summary(here, device), flush=True)
    if device == "cpu" and here["driver"]:
        print(
            f"warning: there is a GPU, and torch sees none of it under {sys.executable}; CUDA_PYTHON=... names another Python"
        )
    results = run_all(chosen, device, size, lambda line: print(line, flush=True))
    print(f"\n{table(results)}\n")
    if arguments.json:
        text = json.dumps(as_json(here, device, size, results), indent=1, allow_nan=False)
        Path(arguments.json).write_text(f"{text}\n")
    bad = [result.part.name for result in results if not result.good]
    wanted = [result.part.name for result in results if result.state == "skipped"]
    took = f"{time.monotonic() - start:.0f} s"
    print(f"{len(results) - len(bad) - len(wanted)} of {len(results)} parts passed in {took}", end="")
    print(f"; skipped: {', '.join(wanted)}" if wanted else "", end="")
    print(f"; not passed: {', '.join(bad)}" if bad else "")
    return 1 if bad else 0


def _parser() -> Parser:
    parser = Parser(prog="python -m tests.cuda", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="also write all numbers there")
    parser.add_argument("--only", nargs="+", metavar="PART", help=", ".join(part.name for part in PARTS))
    parser.add_argument("--device", choices=("cuda", "cpu"), help="default: cuda where there is one")
    parser.add_argument(
        "--kit",
        metavar="FOLDER",
        default=kit.FOLDER,
        help="what `make cuda-kit` made (default: dist/cuda-kit)",
    )
    parser.add_argument("--small", action="store_true", help="the small sizes on CUDA too")
    return parser


def _chosen(names: list[str] | None) -> list[Part]:
    """The parts of these names, all without any. Raises UserError for one that there is not."""
    by_name = {part.name: part for part in PARTS}
    for name in names or []:
        if name not in by_name:
            raise unknown("part", name, by_name)
    return [part for part in PARTS if names is None or part.name in names]


if __name__ == "__main__":
    sys.exit(one_sentence(main))

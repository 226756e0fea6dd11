"""`python -m sspo.numerics.probe OUT.json`: the numbers that this checkout's code gives, as digests.

    entries    {name: {"options": {dotted option: value}, "parts": {part: digest}}}

Two revisions are compared by running this in each on one machine: equal parts are equal bits. Each revision defines its own
probes; an entry is compared if both have it with the same options, and a part if both have it, so a new row
or a new logged key affects nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sspo.numerics.probe_losses import loss_entries
from sspo.numerics.probe_rules import rule_entries
from sspo.numerics.probe_runs import run_entries

Entry = dict[str, Any]


def main(arguments: Sequence[str]) -> int:
    """Run all probes. Exit status 0: all probed."""
    out = Path(arguments[0])
    import torch

    torch.set_num_threads(1)
    # runs first: their processes are forked before this one has used autograd
    entries = run_entries(out.with_suffix(".runs")) | loss_entries() | rule_entries()
    out.write_text(json.dumps({"entries": entries}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

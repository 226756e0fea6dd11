"""`sweeps show`: the command line that trains an arm without a sweep."""

from __future__ import annotations

import shlex

from rich.console import Console
from rich.text import Text

from sweeps.plan.plan import Plan


def show_arm(plan: Plan, name: str, console: Console) -> int:
    """Print a training command that composes to the arm's cell, and the cell. Returns 0. Raises UserError for an unknown arm."""
    arm = plan.arm(name)
    options = (*arm.overrides, f"seed={arm.seeds[0]}", *arm.resources.overrides())
    command = ["python", "-m", "sspo.train", *options]
    lines = [
        shlex.join(command),
        f"# cell {arm.cell}, seeds {', '.join(map(str, arm.seeds))}, in {plan.store / 'cells' / arm.cell}",
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    return 0

"""`sweeps show`: the command line that trains an arm without a sweep."""

from __future__ import annotations

import shlex

from rich.console import Console
from rich.text import Text

from sspo.errors import UserError, unknown
from sweeps.monitor.requests import typed
from sweeps.plan.plan import Plan


def show_arm(plan: Plan, name: str, console: Console) -> int:
    """Print a training command that composes to the arm's cell, and the cell. Returns 0. Raises UserError for an unknown arm, and for one whose
    point is not chosen yet."""
    by_name = {arm.name: arm for arm in plan.everyone}
    if name not in by_name:
        raise unknown(f"arm of {plan.title()}", name, by_name)
    arm = by_name[name]
    if arm.untuned_cell and not arm.at_its_point:
        raise UserError(
            f"arm '{name}' of {plan.title()} has no point yet: {typed(plan, 'run')} tunes it first"
        )
    options = (*arm.overrides, f"seed={arm.seeds[0]}", *arm.resources.overrides())
    command = ["python", "-m", "sspo.train", *options]
    lines = [
        shlex.join(command),
        f"# cell {arm.cell}, seeds {', '.join(map(str, arm.seeds))}, in {plan.store / 'cells' / arm.cell}",
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    return 0

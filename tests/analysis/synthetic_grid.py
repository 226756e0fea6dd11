"""Arms of a made-up factorial study: two objectives by three learning rates, where one objective falls at the largest."""

from __future__ import annotations

import itertools

from synthetic_store import FakeArm

OBJECTIVES, RATES = ("grpo", "sspo"), ("1e-4", "2e-4", "4e-4")
LEVEL = {"1e-4": 0.9, "2e-4": 0.8, "4e-4": 0.2}
BASE = FakeArm(name="base", label="untrained base", level=0.5, clip=0.0, role="base")


def crossing(objective: str, rate: str) -> FakeArm:
    """sspo holds where grpo falls."""
    level = 0.8 if objective == "sspo" else LEVEL[rate]
    name = objective if rate == "1e-4" else f"{objective}_{rate[0]}"
    return FakeArm(
        name=name, label=name, level=level, clip=0.1, factors=(("objective", objective), ("lr", rate))
    )


GRID = [crossing(o, r) for o, r in itertools.product(OBJECTIVES, RATES)]

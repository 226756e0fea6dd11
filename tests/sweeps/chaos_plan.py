"""The plans of the chaos test: cells of real tiny training, from an ordinary study, among those of a stub."""

from __future__ import annotations

from pathlib import Path

from sweeps.plan.arms import PlannedArm
from sweeps.plan.plan import Plan, Trial, make_plan
from sweeps.study.load import parse
from sweeps.study.refusals import RESERVED
from sweeps.study.spec import PRESETS
from tests.trainer.killed import SMALL, VARIED

STEPS = 10
REAL = {**VARIED, "grpo": ("objective=grpo", "trainer.checkpoint_every=2")}
BEHIND = 4
"""Stubs before the last two real trials, which therefore start after the first two have been killed."""
SIZE = [text for text in (*SMALL, "trainer.rollouts=4") if not RESERVED.match(text)]


STUBS = 24
VICTIMS = (*["real"] * 6, "holder", *["stub"] * 4, *["neighbor", "other machine"] * 2, *["controller"] * 5)
"""Of 20 kills: a stub, a real trial that stands behind its first checkpoint, the holder of one, or one of the processes."""
STUDY = {
    "question": "Does anything get lost?",
    "baseline": "grpo",
    "arms": {name: {"overrides": list(overrides)} for name, overrides in REAL.items()},
    "replay": {"arms": list(REAL), "every": 1},
    "presets": {name: {"seeds": list(range(8)), "overrides": SIZE} for name in PRESETS}
    | {"smoke": {"seeds": [0], "overrides": SIZE}},
    "retries": {"killed": 1, "lost": 20},
}


def plan_of(store: Path) -> Plan:
    """Return arms of one seed each."""
    plan = make_plan(parse("chaos", STUDY), "smoke", store)
    first, last, stubs = plan.arms[:2], plan.arms[2:], [_stub(index) for index in range(STUBS)]
    arms = (*first, *stubs[:BEHIND], *last, *stubs[BEHIND:])
    return Plan(study=plan.study, preset=plan.preset, store=store, arms=arms)


def is_real(trial: Trial) -> bool:
    """Return whether it trains."""
    return trial.arm in REAL


def _stub(index: int) -> PlannedArm:
    name = f"c{index:02d}"
    return PlannedArm(
        name=name,
        label="",
        role="arm",
        cell=name,
        seeds=(0,),
        overrides=(),
        copy_of=None,
        rollouts=STEPS,
        recorded=(),
        against=None,
        target_clip_frac=None,
        factors={},
        size="",
        level="",
        sampler="transformers",
    )

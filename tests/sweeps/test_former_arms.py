"""A changed spec over old cells: plan, run and status name the runs that no longer belong, and nothing is deleted."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from test_pool import stub

from sweeps.control.sweep import RunOptions, run_sweep
from sweeps.monitor.plan_view import show_plan
from sweeps.monitor.status import show_status
from sweeps.plan.manifest import manifest_path, write_manifest
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import parse

PRESETS = {"smoke": {"seeds": 1}, "paper": {"seeds": 8}}


def plan(store: Path, seeds: int, **arms: str) -> Plan:
    written = {name: {"overrides": [f"objective={value}"]} for name, value in arms.items()}
    presets = {**PRESETS, "default": {"seeds": seeds}}
    return make_plan(
        parse("small", {"baseline": "one", "arms": written, "presets": presets}), "default", store
    )


def said(plan: Plan) -> list[str]:
    console = Console(width=400)
    with console.capture() as printed:
        show_status(plan, console)
        show_plan(plan, 1, console)
    return [line for line in printed.get().splitlines() if line.startswith("no longer part")]


def test_runs_that_no_longer_belong_are_named_and_kept_until_they_belong_again(tmp_path: Path) -> None:
    before = plan(tmp_path, 2, one="grpo", two="gspo", never="dapo")
    write_manifest(before)
    for trial in before.trials():
        if trial.arm != "never":
            trial.folder.mkdir(parents=True)
    before.trials()[1].folder.joinpath("DONE.json").write_text("{}")  # two, seed 0
    after = plan(tmp_path, 1, one="grpo", three="sspo")
    cell_one, cell_two = before.arm("one").cell, before.arm("two").cell
    sentence = (
        f"no longer part of small (default), and kept in {tmp_path / 'cells'}: {cell_one} (arm 'one', seed 1), "
        f"{cell_two} (arm 'two', seeds 0, 1); 1 of these 3 runs ended with a result"
    )
    assert said(after) == [sentence, sentence]
    console = Console(width=400)
    with console.capture() as printed:
        assert run_sweep(after, RunOptions(workers=1), console, stub(tmp_path / "starts", {})) == 0
    assert sentence in printed.get()
    assert said(after) == [sentence, sentence]  # the manifest has been written again, and remembers
    listed = json.loads(manifest_path(after).read_text())["former_arms"]
    assert listed == [
        {"name": "one", "cell": cell_one, "seeds": [1]},
        {"name": "two", "cell": cell_two, "seeds": [0, 1]},
    ]
    assert all(trial.folder.is_dir() for trial in before.trials() if trial.arm != "never")
    again = plan(tmp_path, 2, one="grpo", renamed="gspo")
    assert said(again) == [f"no longer part of small (default), and kept in {tmp_path / 'cells'}: "
                           f"{after.arm('three').cell} (arm 'three', seed 0); 1 of these 1 run ended with a result"] * 2  # fmt: skip


def test_a_manifest_from_before_former_arms_were_kept_has_none(tmp_path: Path) -> None:
    made = plan(tmp_path, 1, one="grpo", two="gspo")
    write_manifest(made)
    manifest = json.loads(manifest_path(made).read_text())
    for key in ("former_arms", "factors"):
        del manifest[key]
    manifest_path(made).write_text(json.dumps(manifest))
    write_manifest(made)
    rewritten = json.loads(manifest_path(made).read_text())
    assert (rewritten["former_arms"], rewritten["amended_after_runs"]) == ([], False)

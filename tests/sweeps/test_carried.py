"""The record of its plan that a run carries: written once, before it starts, and enough to rebuild a deleted manifest."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

from rich.console import Console
from test_pool import stub

from sspo.runs.carried import PLANNED, carry
from sspo.runs.identity import cell_folder
from sweeps.control.restored_run import write_restored
from sweeps.control.sweep import RunOptions, run_sweep
from sweeps.plan.manifest import content, former_sentence, manifest_path, ordered, write_manifest
from sweeps.plan.plan import Plan, make_plan
from sweeps.study.load import parse
from sweeps.workers.order import Order, run_order

PRESETS = {"smoke": {"seeds": 1}, "default": {"seeds": 2}, "paper": {"seeds": 8}}


def plan(store: Path, *arms: str, **spec: Any) -> Plan:
    written = {"baseline": "grpo", "arms": {name: {"overrides": [f"objective={name}"]} for name in arms}}
    return make_plan(parse("small", {"presets": PRESETS, **written, **spec}), "default", store)


def run(made: Plan, starts: Path) -> None:
    console = Console(width=200)
    with console.capture():
        assert run_sweep(made, RunOptions(workers=3), console, stub(starts, {})) == 0


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_deleted_manifest_forgets_neither_former_arms_nor_an_amendment(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    run(plan(store, "grpo", "gspo"), tmp_path / "starts")
    after = plan(store, "grpo", "sspo", test="paired")
    write_manifest(after)
    before = read(manifest_path(after))
    assert before["amended_after_runs"]
    assert [arm["name"] for arm in before["former_arms"]] == ["gspo"]
    said = former_sentence(after)
    manifest_path(after).unlink()
    assert (content(after), former_sentence(after)) == (before, said)
    write_manifest(after)
    assert read(manifest_path(after)) == before


def test_runs_that_begin_under_an_amended_study_say_so(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    run(plan(store, "grpo", "gspo"), tmp_path / "starts")
    run(plan(store, "grpo", "gspo", "sspo", test="paired"), tmp_path / "starts")
    taken_back = plan(store, "grpo", "gspo", "sspo")
    carried = [read(trial.folder / PLANNED) for trial in taken_back.trials()]
    assert {one["arm"]: one["amended"] for one in carried} == {"grpo": False, "gspo": False, "sspo": True}
    manifest_path(taken_back).unlink()
    assert content(taken_back)["amended_after_runs"]


def test_a_study_that_never_ran_and_runs_of_others_make_no_manifest(tmp_path: Path) -> None:
    made = plan(tmp_path, "grpo", "gspo")
    assert (content(made)["former_arms"], content(made)["amended_after_runs"]) == ([], False)
    folder = cell_folder(tmp_path, "0123456789ab", 0)
    carry(folder, {"study": "another", "preset": "default"})
    (cell_folder(tmp_path, "0123456789ab", 1)).mkdir()
    (cell_folder(tmp_path, "0123456789ab", 1) / PLANNED).write_text('{"study": "small", torn')
    assert content(made)["former_arms"] == []


def test_it_is_written_before_the_trainer_and_never_again(tmp_path: Path) -> None:
    store = tmp_path / "runs"
    made = plan(store, "grpo", "gspo")
    run(made, tmp_path / "starts")
    path = made.trials()[0].folder / PLANNED
    first = path.read_bytes()
    assert read(path).items() >= {"study": "small", "arm": "grpo", "seed": 0, "registration": None}.items()
    assert read(path)["started"].endswith("Z")
    carry(path.parent, {"study": "another"})
    assert path.read_bytes() == first


def test_an_order_that_another_machine_takes_leaves_it_before_the_trainer_starts(tmp_path: Path) -> None:
    trial = ordered(plan(tmp_path / "runs", "grpo", "gspo"))[0]
    trainer = f"cp {trial.folder}/{PLANNED} {tmp_path}/seen && echo '{{}}' > {trial.folder}/DONE.json"
    sent = pickle.dumps(Order(trial=trial, command=("/bin/sh", "-c", trainer)))
    assert run_order(pickle.loads(sent)) == "done"  # noqa: S301 (ours, of a line above)
    assert (tmp_path / "seen").read_bytes() == (trial.folder / PLANNED).read_bytes()


def test_a_run_that_had_begun_claims_no_registration(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("seed: 0\n")
    carry(tmp_path, {"study": "small", "registration": "0" * 64, "registered": "now", "amendment": None})
    assert read(tmp_path / PLANNED) == {
        "study": "small",
        "registration": None,
        "registered": None,
        "amendment": None,
        "started": None,
    }


def test_what_a_run_carries_is_no_part_of_its_cell_and_comes_back_with_it(tmp_path: Path) -> None:
    made = plan(tmp_path / "runs", "grpo", "gspo")
    trial, carrying = made.trials()[0], ordered(made)[0]
    assert (trial, hash(trial), trial.folder) == (carrying, hash(carrying), carrying.folder)
    planned = {**json.loads(carrying.carries), "started": "2026-11-29T10:02:00Z"}
    record = {"status": "done", "seconds": 1.0, "planned": planned}
    write_restored(trial, record, {name: [] for name in ("metrics.jsonl", "eval.jsonl", "samples.jsonl")}, {})
    assert read(trial.folder / PLANNED) == planned

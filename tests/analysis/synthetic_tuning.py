"""Synthetic stores of tuned studies: pilots whose levels lie on a known surface, recorded as a sweep records them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.statistics.tuning.choice import choose
from analysis.statistics.tuning.space import space_of
from analysis.statistics.tuning.surface import fit, pooled_noise
from sspo.runs.identity import cell_folder
from tests.analysis.synthetic_store import ARMS, SETS, FakeArm, Scale, make_manifest, write_run

LR, RULE = "trainer.lr", "segmentation"
LOW, HIGH = 1e-4, 1e-3
SPACE: tuple[dict[str, Any], ...] = (
    {"key": LR, "kind": "float", "low": LOW, "high": HIGH, "log": True, "step": None, "also": [], "scales": [], "when": []},
    {"key": RULE, "kind": "choices", "choices": ["token", "response"], "also": [], "scales": [], "when": []},
)  # fmt: skip
SMALL = Scale(seeds=3, rollouts=2, questions=8, samples=2, curve_questions=4)


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """How a synthetic study is tuned."""

    arms: tuple[str, ...] = ("grpo", "sspo")
    peaks: Mapping[str, float] | None = None
    """Arm to the learning rate with its highest level; the geometric middle if it has none."""
    trials: int = 6
    done: int | None = None
    """Settled trials per arm; all if None."""
    seeds: tuple[int, ...] = (900, 901)
    confirm_default: bool = False
    pruned: int = 0
    """The last trials of every arm that a pruner stopped."""
    failed: int = 0
    budget: Mapping[str, float] | None = None
    hours: float = 0.25
    """Core hours of one trial."""


def write_tuned(store: Path, how: Tuned | None = None, scale: Scale = SMALL) -> dict[str, Any]:
    """Write a store with the runs of a tuned study and its manifest, which is returned."""
    how = how or Tuned()
    fakes = {arm.name: arm for arm in ARMS if arm.name in ("base", *how.arms)}
    manifest = make_manifest(list(fakes.values()), scale, "paper")
    record: dict[str, Any] = {
        "sampler": {"name": "sobol", "seed": 0, "startup": 8},
        "pruner": {"name": "median" if how.pruned else "none"},
        "budget": dict(how.budget or {"trials": how.trials}),
        "seeds": list(how.seeds),
        "start_at_default": False,
        "confirm_default": how.confirm_default,
        "settled": how.done is None,
        "arms": {},
        "pilots": [],
        "default": [],
    }
    for name in how.arms:
        entry, pilots = _tune(store, fakes[name], how, scale)
        record["arms"][name] = entry
        record["pilots"] += pilots
    if record["settled"]:
        _choose(store, record, how)
    for arm in manifest["arms"]:
        _confirm(store, fakes[arm["name"]], arm, record, scale)
    if how.confirm_default:
        record["default"] = [_default(store, fakes[name], manifest, scale) for name in how.arms]
    return save(store, {**manifest, "tuning": record})


def save(store: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Write the manifest into the store."""
    (store / "studies").mkdir(parents=True, exist_ok=True)
    (store / "studies" / "toy.paper.json").write_text(json.dumps(manifest))
    return manifest


def level_at(how: Tuned, name: str, point: Mapping[str, Any]) -> float:
    """Return the level of an arm at a point: a parabola in the logarithm of the learning rate."""
    peak = (how.peaks or {}).get(name, math.sqrt(LOW * HIGH))
    top = 0.9 if name == "sspo" else 0.82
    return top - 0.8 * math.log10(point[LR] / peak) ** 2 - (0.05 if point[RULE] == "response" else 0.0)


def points(trials: int) -> list[dict[str, Any]]:
    """Return evenly spread points, the same for every arm."""
    ratios = [(k + 0.5) / trials for k in range(trials)]
    rates = [float(f"{LOW * (HIGH / LOW) ** ratio:.3g}") for ratio in ratios]
    return [{LR: rate, RULE: ("token", "response")[k % 2]} for k, rate in enumerate(rates)]


def _tune(
    store: Path, fake: FakeArm, how: Tuned, scale: Scale
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    trials, pilots = [], []
    done = how.trials if how.done is None else how.done
    for number, point in enumerate(points(how.trials)[: done + (how.done is not None)]):
        cell = hashlib.sha256(f"{fake.name} {number}".encode()).hexdigest()[:12]
        state = "open" if number >= done else "complete"
        if state == "complete" and number >= how.trials - how.pruned:
            state = "pruned"
        elif state == "complete" and number < how.failed:
            state = "failed"
        if state == "complete":
            pilot = replace(fake, level=level_at(how, fake.name, point))
            for seed in how.seeds:
                write_run(store, pilot, cell, seed, scale)
        reason = {"reason": "out of memory"} if state == "failed" else {}
        trials.append(
            {
                "number": number, "state": state, "point": point, "cell": cell, "level": "",
                "overrides": [f"{key}={value}" for key, value in point.items()],
                "core_hours": 0.0 if state == "open" else how.hours, "device_hours": 0.0, **reason,
            }
        )  # fmt: skip
        pilots.append(_entry(f"{fake.name}.pilot{number}", f"{fake.label}, trial {number}", cell, how.seeds))
    default = {LR: 3e-4, RULE: "token"}
    return {"space": list(SPACE), "default": default, "trials": trials, "chosen": None}, pilots


def _entry(name: str, label: str, cell: str, seeds: Sequence[int]) -> dict[str, Any]:
    return {
        "name": name, "label": label, "role": "arm", "cell": cell, "seeds": list(seeds), "overrides": [],
        "factors": {}, "copy_of": None, "against": None, "target_clip_frac": None,
    }  # fmt: skip


def run_score(store: Path, cell: str, seed: int) -> float:
    """Return the primary score of a run by plain arithmetic on its eval.jsonl."""
    lines = (cell_folder(store, cell, seed) / "eval.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    rows = [r for r in rows if r["final"] and r["mode"] == "sampled" and r["temperature"] == 1.0]
    of_sets = [[r["value"] for r in rows if r["set"] == name] for name in SETS]
    return sum(sum(values) / len(values) for values in of_sets) / len(SETS)


def scores_of(store: Path, trials: Sequence[Mapping[str, Any]], seeds: Sequence[int]) -> list[list[float]]:
    """Return the scores of the complete trials, seed by seed."""
    return [[run_score(store, t["cell"], seed) for seed in seeds] for t in trials if t["state"] == "complete"]


def _choose(store: Path, record: dict[str, Any], how: Tuned) -> None:
    found = {name: scores_of(store, entry["trials"], how.seeds) for name, entry in record["arms"].items()}
    noise = pooled_noise([group for groups in found.values() for group in groups])
    for name, entry in record["arms"].items():
        options = space_of(entry["space"])
        tried = [trial["point"] for trial in entry["trials"] if trial["state"] == "complete"]
        choice = choose(options, fit(options, tried, found[name], noise=noise), extra=[entry["default"]])
        words = [f"{key}={value}" for key, value in choice.point.items()]
        entry["chosen"] = {
            "point": choice.point, "overrides": words, "mean": choice.mean, "sd": choice.sd, "edges": list(choice.edges),
        }  # fmt: skip


def _confirm(store: Path, fake: FakeArm, arm: dict[str, Any], record: dict[str, Any], scale: Scale) -> None:
    entry = record["arms"].get(fake.name)
    if entry is not None and entry["chosen"] is None:
        arm["cell"] = f"tuned.{fake.name}"
        return
    for seed in arm["seeds"]:
        write_run(store, fake, arm["cell"], seed, scale)


def _default(store: Path, fake: FakeArm, manifest: dict[str, Any], scale: Scale) -> dict[str, Any]:
    seeds = next(arm["seeds"] for arm in manifest["arms"] if arm["name"] == fake.name)
    cell = hashlib.sha256(f"{fake.name} default".encode()).hexdigest()[:12]
    for seed in seeds:
        write_run(store, replace(fake, level=fake.level - 0.1), cell, seed, scale)
    return _entry(f"{fake.name}.default", f"{fake.label}, default", cell, seeds)

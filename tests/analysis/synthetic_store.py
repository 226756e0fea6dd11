"""Synthetic run stores, written by the product's own RunLog: levels and dynamics are made up, formats are real."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sspo.metrics import Metric
from sspo.runs.identity import cell_folder
from sspo.runs.runlog import METRICS, RunLog, mark_failed
from tests.analysis.synthetic_samples import sample_lines

SETS = ("short", "medium", "long", "products", "longer")
HARDNESS = np.array([0.06, 0.02, -0.03, 0.05, -0.1])


@dataclass(frozen=True, kw_only=True)
class FakeArm:
    """An arm with the level its accuracy ends at and its clip fraction."""

    name: str
    label: str
    level: float
    clip: float
    role: str = "arm"
    ratio: str = "token"
    copy_of: str | None = None
    offset: int = 0
    against: str | None = None
    target: float | None = None
    adapt: str = "none"
    bound: float = 0.2
    overrides: tuple[str, ...] = ()
    aggregation: str = "response_mean"
    factors: tuple[tuple[str, str], ...] = ()


ARMS = (
    FakeArm(name="base", label="untrained base", level=0.5, clip=0.0, role="base"),
    FakeArm(name="no_clip", label="no clip", level=0.17, clip=0.0, role="no_clip"),
    FakeArm(name="grpo", label="GRPO .2", level=0.82, clip=0.012),
    FakeArm(name="gspo", label="GSPO 3e-4/4e-4", level=0.77, clip=0.41, ratio="response"),
    FakeArm(name="gspo_scaled", label="GSPO .0265 (.2/√57)", level=0.84, clip=0.03, ratio="response"),
    FakeArm(name="sspo_02", label="SSPO .02 fixed", level=0.86, clip=0.09, ratio="segment"),
    FakeArm(name="sspo_05", label="SSPO .05 fixed", level=0.89, clip=0.03, ratio="segment", bound=0.05),
    FakeArm(name="sspo_10", label="SSPO .10 fixed", level=0.85, clip=0.004, ratio="segment"),
    FakeArm(
        name="sspo",
        label="SSPO .05 adaptive",
        level=0.9,
        clip=0.033,
        ratio="segment",
        adapt="tanh",
        bound=0.05,
    ),
    FakeArm(
        name="grpo_aa", label="GRPO .2 (A/A)", level=0.82, clip=0.012, role="aa", copy_of="grpo", offset=100
    ),
)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much of everything a store holds."""

    seeds: int = 3
    rollouts: int = 4
    updates: int = 2
    questions: int = 12
    samples: int = 4
    curve_questions: int = 6
    every: int = 2
    seconds: float | None = None
    """Of a rollout's training, in quarters by phase, with nine of evaluation beside them; None: not logged."""


def write_study(
    store: Path, arms: Sequence[FakeArm] = ARMS, scale: Scale | None = None, preset: str = "paper"
) -> dict[str, Any]:
    """A store with every run of every arm done, and the study's manifest, which is returned."""
    scale = scale or Scale()
    manifest = make_manifest(arms, scale, preset)
    for fake, arm in zip(arms, manifest["arms"], strict=True):
        for seed in arm["seeds"]:
            write_run(store, fake, arm["cell"], seed, scale)
    name = "toy.json" if preset == "default" else f"toy.{preset}.json"
    (store / "studies").mkdir(parents=True, exist_ok=True)
    (store / "studies" / name).write_text(json.dumps(manifest))
    return manifest


def make_manifest(arms: Sequence[FakeArm], scale: Scale, preset: str) -> dict[str, Any]:
    """What a sweep writes at plan time."""
    return {
        "study": "toy",
        "preset": preset,
        "title": "Toy clip ablation",
        "question": "Does clipping matter & <where>?",
        "baseline": "grpo",
        "test": "paired",
        "claims": ["paper"],
        "reference": False,
        "primary": {"mode": "sampled", "temperature": 1.0},
        "gates": {"token_arm": "grpo"},
        "spec_sha256": "0" * 64,
        "factors": _factors(arms),
        "arms": [
            {
                "name": arm.name,
                "label": arm.label,
                "role": arm.role,
                "cell": _cell(arm),
                "seeds": [arm.offset + s for s in range(1 if arm.role == "base" else scale.seeds)],
                "overrides": list(arm.overrides),
                "factors": dict(arm.factors),
                "copy_of": arm.copy_of,
                "against": arm.against,
                "target_clip_frac": arm.target,
            }
            for arm in arms
        ],
    }


def _factors(arms: Sequence[FakeArm]) -> list[dict[str, Any]]:
    levels: dict[str, dict[str, None]] = {}
    for arm in arms:
        for factor, level in arm.factors:
            levels.setdefault(factor, {})[level] = None
    return [
        {"name": factor, "label": factor, "levels": [{"name": x, "label": x} for x in of_factor]}
        for factor, of_factor in levels.items()
    ]


def _cell(arm: FakeArm) -> str:
    name = arm.copy_of or arm.name
    return "".join(f"{ord(c) % 16:x}" for c in name.ljust(12, "0"))[:12]


def write_run(store: Path, arm: FakeArm, cell: str, seed: int, scale: Scale) -> Path:
    """One finished run."""
    folder = cell_folder(store, cell, seed)
    rng = np.random.default_rng([seed, *cell.encode()])
    log = RunLog(folder)
    rule = "subsentence"
    term = "unclipped" if arm.role == "no_clip" else "ppo"
    log.describe(
        {
            "seed": seed,
            "segmentation": {"rule": rule},
            "objective": {
                "ratio": arm.ratio,
                "term": term,
                "advantage": "group_norm",
                "aggregation": arm.aggregation,
                "clip": {"low": arm.bound, "high": arm.bound},
                "bounds": {"adapt": arm.adapt, "alpha": 0.0 if arm.adapt == "none" else 0.5},
            },
        },
        {
            "git_revision": "a" * 40,
            "code_sha256": "b" * 64,
            "versions": {"torch": "2.13.0"},
            "base": "c" * 12,
        },
        resumed=False,
    )
    level = arm.level if arm.role == "base" else float(np.clip(arm.level + 0.02 * rng.normal(), 0.02, 0.98))
    rollouts = 0 if arm.role == "base" else scale.rollouts
    if rollouts:
        log.evaluation(_answers(-1, False, 0.5, scale.curve_questions, 1, [("sampled", 1.0)], rng))
    for step, rollout, update in _steps(rollouts, scale.updates):
        log.step(step, rollout, update, metrics_of(arm, level, rollout, update, scale, rng))
        last = update == scale.updates - 1
        if last and rollout % scale.every == 0:
            log.samples(sample_lines(arm.name, arm.ratio, seed, rollout))
        if last and scale.seconds is not None:
            log.timing(rollout, timing_of(scale.seconds))
        if last and (rollout + 1) % scale.every == 0 and rollout + 1 < rollouts:
            now = _progress(level, rollout, rollouts)
            log.evaluation(_answers(rollout, False, now, scale.curve_questions, 1, [("sampled", 1.0)], rng))
    samples = 16 if arm.role == "base" else scale.samples
    sharp = min(1.0, level + 0.04)
    log.evaluation(_answers(rollouts - 1, True, sharp, scale.questions, 1, [("greedy", 0.0)], rng))
    log.evaluation(_answers(rollouts - 1, True, level, scale.questions, samples, [("sampled", 1.0)], rng))
    if arm.role == "base":
        log.evaluation(_answers(rollouts - 1, True, level, scale.questions, samples, [("sampled", 0.5)], rng))
    sha = None if arm.role == "base" else f"{seed:064x}"
    log.done(
        {"steps": rollouts * scale.updates, "rollouts": rollouts, "seconds": 800.0, "rollout0_sha256": sha}
    )
    return folder


def timing_of(seconds: float) -> dict[str, float]:
    """A line of timing.jsonl, but for the rollout."""
    phases = ("rollout", "reward", "old_logp", "update")
    return {
        **{f"seconds/{phase}": seconds / 4 for phase in phases},
        "seconds/evaluation": 9.0,
        "speed/sampled_tokens": 1000.0,
        "memory/resident_peak": 1.5,
    }


def _steps(rollouts: int, updates: int) -> Iterator[tuple[int, int, int]]:
    for i in range(rollouts * updates):
        yield i + 1, i // updates, i % updates


def _progress(level: float, rollout: int, rollouts: int) -> float:
    return 0.5 + (level - 0.5) * (1 - float(np.exp(-4 * (rollout + 1) / rollouts)))


def metrics_of(
    arm: FakeArm, level: float, rollout: int, update: int, scale: Scale, rng: np.random.Generator
) -> dict[str, Metric]:
    clip = arm.clip * update / max(scale.updates - 1, 1) * float(np.exp(0.2 * rng.normal()))
    now = _progress(level, rollout, scale.rollouts)
    values = {
        "policy/loss": 0.01,
        "policy/clip_frac": 0.8 * clip,
        "policy/clip_frac_active": clip,
        "policy/clip_frac_active_low": 0.4 * clip,
        "policy/clip_frac_active_high": 0.6 * clip,
        "policy/active_token_frac": 0.8,
        "policy/ratio_std": 0.05 * (1 + update) * float(np.exp(0.1 * rng.normal())),
        "policy/token_log_ratio_std": 0.1,
        "policy/ratio_p01": 1 - 0.11 * (1 + update),
        "policy/ratio_p10": 1 - 0.06 * (1 + update),
        "policy/ratio_p50": 1.0,
        "policy/ratio_p90": 1 + 0.06 * (1 + update),
        "policy/ratio_p99": 1 + 0.13 * (1 + update),
        "policy/kl_k3": 0.01,
        "policy/extreme_tokens": 30.0,
        "policy/extreme_retained_tokens": float(18 + rng.integers(6)),
        "policy/clipped_tokens": 40.0,
        "policy/collateral_tokens": 20.0,
        "optim/grad_norm": 1.0,
    }
    if update == scale.updates - 1:
        values |= {
            "reward/mean": now + 0.02 * rng.normal(),
            "rollout/accuracy": now + 0.02 * rng.normal(),
            "rollout/truncated_frac": 0.01,
            "rollout/unparsable_frac": 0.0,
            "rollout/response_tokens": 57.0,
            "rollout/zero_advantage_group_frac": 0.2,
            "rollout/segments_per_response": 11.0,
            "rollout/tokens_per_segment": 5.0,
            "rollout/segment_tokens_sd": 3.0,
            "rollout/entropy_token": 0.6 * float(np.exp(-2 * now + 1)) * float(np.exp(0.05 * rng.normal())),
        }
    return {key: Metric("mean", (value, 1)) for key, value in values.items()}


def _answers(
    rollout: int,
    final: bool,
    level: float,
    questions: int,
    samples: int,
    decodings: list[tuple[str, float]],
    rng: np.random.Generator,
) -> Iterator[dict[str, Any]]:
    for name, shift in zip(SETS, HARDNESS, strict=True):
        for mode, temperature in decodings:
            right = rng.random((questions, samples)) < np.clip(level + shift, 0.01, 0.99)
            for q in range(questions):
                for k in range(samples):
                    value = float(right[q, k])
                    yield {
                        "rollout": rollout,
                        "final": final,
                        "set": name,
                        "question": f"{name}/{q}",
                        "mode": mode,
                        "temperature": temperature,
                        "sample": k,
                        "value": value,
                        "status": "ok" if value else "wrong",
                        "tokens": 40 + q % 30,
                    }


def lose(folder: Path, reason: str, message: str = "") -> None:
    """Turn a finished run into a failed one."""
    (folder / "DONE.json").unlink(missing_ok=True)
    mark_failed(folder, reason, message)


def tear(folder: Path) -> None:
    """Turn a finished run into one killed while it wrote a line: no marker, half a last line."""
    (folder / "DONE.json").unlink()
    path = folder / METRICS
    path.write_text(path.read_text()[:-7])

"""Every sampler, with the choice by the fit, finds a known optimum through the noise of seeds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import optuna
import pytest

from analysis.statistics import named_rng
from analysis.statistics.tuning.choice import choose
from analysis.statistics.tuning.space import Point, space_of
from analysis.statistics.tuning.surface import fit, pooled_noise
from sweeps.search.load import parse
from sweeps.search.samplers import sampler_for
from sweeps.search.space import suggest
from sweeps.study.space.method import SAMPLERS

TRIALS, SEEDS, NOISE = 16, 2, 0.05
LR, CLIP = "trainer.lr", "objective.clip.high"
SPACE: dict[str, dict[str, Any]] = {
    LR: {"low": 1e-4, "high": 1e-3, "log": True},
    CLIP: {"low": 0.05, "high": 0.8, "log": True},
}
OPTIONS = space_of([{"key": key, "kind": "float", **ends} for key, ends in SPACE.items()])


def true_score(point: Point) -> float:
    """The optimum is 0.5, at 4e-4 and 0.15; the ends of the ranges lose up to twelve points."""
    lr, clip = (option.coordinate(point[option.key]) for option in OPTIONS)
    best_lr, best_clip = OPTIONS[0].coordinate(4e-4), OPTIONS[1].coordinate(0.15)
    return 0.5 - 0.25 * (lr - best_lr) ** 2 - 0.1 * (clip - best_clip) ** 2


def chosen(name: str, repetition: int) -> Point:
    """Tune once; the fit sees the scores of the seeds."""
    content = {"space": SPACE, "sampler": {"name": name, "seed": repetition}, "presets": {"default": {}}}
    search = parse("probe", {**content, "overrides": ["objective=grpo"]})
    rng = named_rng("sampler finds an optimum", name, repetition)
    study = optuna.create_study(direction="maximize")
    points, scores = [], []
    for number in range(TRIALS):
        study.sampler = sampler_for(search, number)
        asked = study.ask()
        point = suggest(search.space, asked)
        points.append(point)
        scores.append([true_score(point) + NOISE * rng.standard_normal() for _ in range(SEEDS)])
        study.tell(asked, float(np.mean(scores[-1])))
    return choose(OPTIONS, fit(OPTIONS, points, scores, noise=pooled_noise(scores))).point


@pytest.mark.acceptance
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_and_the_fit_find_the_optimum(name: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    repetitions = 4 if name == "gp" else 20
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        regret = [0.5 - true_score(chosen(name, repetition)) for repetition in range(repetitions)]
    assert np.mean(regret) <= 0.02, regret
    assert np.mean(regret) > 0  # nobody finds it exactly

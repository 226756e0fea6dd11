"""A larger model of random weights through the trainer, as a run with its options would: seconds, tokens, memory, and going on
from a checkpoint."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from sspo.config import (
    EvaluationConfig,
    ModelConfig,
    RolloutConfig,
    RunConfig,
    TrackingConfig,
    TrainConfig,
    TrainerConfig,
)
from sspo.console.progress import Progress
from sspo.models.memory.estimate import estimate
from sspo.models.memory.shape import NoShape, read_shape
from sspo.models.memory.sizes import PROGRAMS
from sspo.objective.variants import VARIANTS
from sspo.runs.runlog import CHECKPOINTS, METRICS, TIMING
from sspo.runs.tracking import NoTracker
from sspo.trainer.checkpoint_files import MODEL, checkpoints
from sspo.trainer.loop import Trainer
from sspo.types import Problem, Response, Score
from tests.cuda.models import LARGER, LITTLE, PIECES, worded
from tests.cuda.part import Row, Setting

PHASES = ("rollout", "reward", "old_logp", "update", "checkpoint")
GIB = 2**30
OVER = 1.5
"""Of the estimate of memory: what a run may take at most."""
PROMPT = 24
"""Tokens of a prompt at most: questions of the chain task, a token a byte."""


class Vowels:
    """A reward that a random model's answers differ in: the share of vowels. None of them has an end."""

    statuses = ("ok",)

    def score(self, problems: Sequence[Problem], responses: Sequence[Response]) -> list[Score]:
        """See Reward."""
        del problems
        return [Score(value=_vowels(response.text), status="ok") for response in responses]


def _vowels(text: str) -> float:
    return sum(letter in "aeiou" for letter in text) / max(len(text), 1)


def run(setting: Setting) -> Iterator[Row]:
    """See Run."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        shape, pieces = (LITTLE, 2000) if setting.small else (LARGER, PIECES)
        model = worded(place / "model", pieces, tie_word_embeddings=False, **shape)
        config = _config(setting, model, place)
        cuda = setting.device == "cuda"
        start = time.monotonic()
        trainer = _trained(config, place / "run")
        said = f"{sum(p.numel() for p in trainer.model.parameters()) / 1e6:.0f} M parameters, {trainer.policy.precision}"
        yield Row(f"seconds of {config.trainer.rollouts} rollouts", time.monotonic() - start, "s", note=said)
        peak = torch.cuda.max_memory_allocated() if cuda else 0
        lean = {"decode": "lean", "forward": "lean", "logits": "chunked"}
        found = {**trainer.forward.paths, **trainer.sampler.paths}
        yield Row(
            "lean paths that were refused", sum(found[key] != way for key, way in lean.items()), limit=0
        )
        yield from _numbers(place / "run")
        if cuda:
            yield from _memory(config, model, trainer.policy.precision, peak)
        del trainer
        yield from _resumed(config, place, judged=not cuda)


def _config(setting: Setting, model: Path, place: Path) -> TrainConfig:
    rollout = {"prompts": 16, "responses": 16, "max_tokens": 128}
    if setting.small:
        rollout = {"prompts": 4, "responses": 4, "max_tokens": 24}
    rollouts = 4 if setting.small else 20
    return TrainConfig(
        model=ModelConfig(path=str(model)),
        objective=VARIANTS["sspo"],
        rollout=RolloutConfig(decode="lean", **rollout),
        trainer=TrainerConfig(
            rollouts=rollouts,
            minibatch=8 if setting.small else 64,
            lr=1e-4,
            forward="lean",
            logits="chunked",
            checkpoint_every=3 * rollouts // 4,
            warn_after=0,
        ),
        evaluation=EvaluationConfig(questions=4, samples=1, every=0, max_tokens=rollout["max_tokens"]),
        tracking=TrackingConfig(mode="none"),
        run=RunConfig(store=str(place), device=setting.device),
    )


def _trained(config: TrainConfig, folder: Path) -> Trainer:
    """A run of the config to its end, from what the folder holds."""
    trainer = Trainer(config, folder, Progress("training"))
    trainer.collector.reward = Vowels()
    trainer.run(NoTracker())
    return trainer


def _numbers(folder: Path) -> Iterator[Row]:
    """What the logs say, of all rollouts but the first."""
    steps, timing = _lines(folder / METRICS), _lines(folder / TIMING)[1:]
    lost = sum(line["policy/loss"] is None or line["optim/grad_norm"] is None for line in steps)
    yield Row("steps without a finite loss or gradient", lost, limit=0, note=f"{len(steps)} steps")
    still = sum(line["optim/grad_norm"] == 0 for line in steps)
    yield Row("steps without any gradient", still, limit=0)
    for phase in PHASES:
        taken = [line[f"seconds/{phase}"] for line in timing if f"seconds/{phase}" in line]
        if taken:
            yield Row(f"{phase}: mean seconds a rollout", sum(taken) / len(taken), "s")
    for key in ("speed/sampled_tokens", "speed/trained_tokens"):
        yield Row(f"{key}, mean", sum(line[key] for line in timing) / len(timing), "tokens/s")


def _memory(config: TrainConfig, model: Path, precision: str, peak: int) -> Iterator[Row]:
    """torch's peak beside the estimate without the programs, which are not on the device."""
    shape = read_shape(str(model), model)
    assert not isinstance(shape, NoShape)
    found = estimate(shape, config, prompt=PROMPT, precision=precision, device="cuda")
    expected = found.bytes - PROGRAMS
    yield Row(
        "peak memory",
        peak / GIB,
        "GiB",
        OVER * expected / GIB,
        f"estimate {expected / GIB:.2f} GiB while {found.largest}",
    )


def _resumed(config: TrainConfig, place: Path, *, judged: bool) -> Iterator[Row]:
    """The run again from its checkpoint before the last. On CUDA the bits are told and not judged."""
    whole, other = place / "run", place / "other"
    last = checkpoints(whole / CHECKPOINTS)[-1].name
    shutil.copytree(whole, other, ignore=shutil.ignore_patterns(last))
    _trained(config, other)
    one, two = _lines(whole / METRICS), _lines(other / METRICS)
    apart = next((i for i, pair in enumerate(zip(one, two, strict=True)) if pair[0] != pair[1]), None)
    said = "equal to the last bit" if apart is None else f"from step {apart + 1} of {len(one)} on"
    limit = 0 if judged else None
    yield Row(
        "resumed: logged steps that differ",
        sum(a != b for a, b in zip(one, two, strict=True)),
        limit=limit,
        note=said,
    )
    weights, others = (load_file(checkpoints(run / CHECKPOINTS)[-1] / MODEL) for run in (whole, other))
    far = max(float((weights[name] - others[name]).abs().max()) for name in weights)
    yield Row("resumed: largest difference of a weight", far, limit=limit)


def _lines(path: Path) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]

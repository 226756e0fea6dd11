"""A recorded run of any size without training: plausible log-ratios on answers of the embedded task."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
import yaml

from sspo.compose.fast import quick_compose
from sspo.config import TrainConfig
from sspo.models.policy import load_tokenizer
from sspo.objective.advantage import ADVANTAGES
from sspo.randomness import torch_stream
from sspo.recording.file import to_bytes
from sspo.recording.recorded import RecordedRollout, join_visits
from sspo.replay.fidelity import replay_steps
from sspo.runs.runlog import CONFIG, ENVIRONMENT, RunLog
from sspo.segmentation import segment, segmentation_seed
from sspo.types import Batch, Score

UPDATES = 8


def write_run(
    folder: Path,
    *words: str,
    rollouts: int,
    prompts: int,
    responses: int,
    tokens: int,
    logs: bool = True,
) -> Path:
    """A run folder with that many recorded rollouts of prompts x responses answers of `tokens` tokens."""
    rows = prompts * responses
    config = quick_compose(
        (
            f"rollout.prompts={prompts}",
            f"rollout.responses={responses}",
            f"trainer.minibatch={rows // UPDATES}",
            f"trainer.rollouts={rollouts}",
            "trainer.record=1",
            "objective=grpo",
            *words,
        )
    )
    log = RunLog(folder)
    (folder / CONFIG).write_text(yaml.safe_dump(json.loads(json.dumps(asdict(config)))))
    (folder / ENVIRONMENT).write_text("{}")
    tokenizer = load_tokenizer(config.model.path)
    for number in range(rollouts):
        recorded = _rollout(number, config, tokenizer, tokens)
        log.recording(number, to_bytes(recorded))
        if logs:
            for update, metrics in enumerate(replay_steps(recorded, config)):
                log.step(recorded.first_step + update, number, update, metrics)
    return folder


def _rollout(number: int, config: TrainConfig, tokenizer: object, tokens: int) -> RecordedRollout:
    generator = torch_stream(config.seed, "synthetic recording", number)
    prompts, rows = config.rollout.prompts, config.rollout.prompts * config.rollout.responses

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    mask_BT = torch.ones(rows, tokens, dtype=torch.bool)
    response_BT = torch.randint(3, len(tokenizer), (rows, tokens), generator=generator)
    old_logp_BT = -noise(rows, tokens).abs()
    # heavy tails: most tokens hardly move, a few move a lot, the later the update the more
    reach_BT = noise(rows, tokens) * (0.02 + 0.3 * (torch.rand(rows, tokens, generator=generator) < 0.05))
    solved_B = torch.rand(rows, generator=generator) < 0.5
    reward_PG = solved_B.float().view(prompts, -1)
    entropy_BT = noise(rows, tokens).abs()
    batch = Batch(
        prompt_BL=torch.full((rows, 4), 5),
        prompt_mask_BL=torch.ones(rows, 4, dtype=torch.bool),
        response_BT=response_BT,
        mask_BT=mask_BT,
        advantage_BT=ADVANTAGES["group_norm"](reward_PG).flatten()[:, None] * mask_BT,
        segment_id_BT=segment(
            response_BT,
            mask_BT,
            config.segmentation,
            tokenizer,
            entropy_BT=entropy_BT,
            seed=segmentation_seed(config.seed, number),
        ),
        old_logp_BT=old_logp_BT,
        entropy_BT=entropy_BT,
    )
    steps = torch.randperm(rows, generator=generator).split(config.trainer.minibatch)
    visits = [(row_b, old_logp_BT[row_b] + update * reach_BT[row_b]) for update, row_b in enumerate(steps)]
    return RecordedRollout(
        number=number,
        first_step=number * UPDATES + 1,
        clip_scale=1.0,
        problem_ids=tuple(f"train/{number}/{i}" for i in range(prompts)),
        scores=tuple(Score(value=float(ok), status="ok" if ok else "wrong") for ok in solved_B.tolist()),
        batch=batch,
        visits=join_visits(visits),
    )

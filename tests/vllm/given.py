"""`python -m tests.vllm.given RUN key=value ...`: a training whose sampler hands out what the run's recordings hold."""

from __future__ import annotations

import sys
from pathlib import Path

import sspo.rollout
from sspo.recording.file import read_recorded
from sspo.rollout.transformers import TransformersSampler
from sspo.train import main
from sspo.types import Rollout


class Given(TransformersSampler):
    """Rollouts of training come from a recording, answers of evaluations from the model."""

    batches: list

    def sample(self, prompts, responses, **options):
        """See Sampler."""
        if not self.batches:
            return super().sample(prompts, responses, **options)
        batch = self.batches.pop(0)
        assert len(batch.mask_BT) == len(prompts) * responses
        last_B = batch.mask_BT.sum(1) - 1
        ends = batch.response_BT.gather(1, last_B[:, None])[:, 0]
        return Rollout(
            prompt_BL=batch.prompt_BL,
            prompt_mask_BL=batch.prompt_mask_BL,
            response_BT=batch.response_BT,
            mask_BT=batch.mask_BT,
            truncated_B=~(ends[:, None] == self.end_E).any(1),
        )


def open_sampler(policy, config):
    """See sspo.rollout."""
    del config
    sampler = Given(policy.model, pad_id=policy.pad_id, end_ids=policy.end_ids)
    paths = sorted(Path(sys.argv[1], "recording").iterdir())
    sampler.batches = [read_recorded(path).batch for path in paths]
    return sampler


if __name__ == "__main__":
    sspo.rollout.ENGINES = {"transformers": open_sampler}
    sys.exit(main(sys.argv[2:]))

"""An engine that keeps weights of its own gives the run of the default one: it is told whenever the weights have changed."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

import sspo.rollout
from sspo.compose.fast import quick_compose
from sspo.console.progress import Progress
from sspo.rollout.transformers import TransformersSampler
from sspo.runs.tracking import NoTracker
from sspo.trainer.loop import Trainer
from tests.trainer.runs import TINY, lines


class Apart:
    """Samples from a copy of the policy's model, as an engine in another process would."""

    foreign = False

    def __init__(self, policy, config):
        del config
        self.copy = copy.deepcopy(policy.model)
        self.paths, self.remarks = {"decode": "apart"}, ()
        self.inner = TransformersSampler(self.copy, pad_id=policy.pad_id, end_ids=policy.end_ids)

    def sample(self, *arguments, **options):
        """See Sampler."""
        return self.inner.sample(*arguments, **options)

    def sync(self, model):
        """Copy the weights."""
        self.copy.load_state_dict(model.state_dict())

    def rest(self):
        """See Sampler."""


def run(folder):
    config = quick_compose([*TINY, "trainer.lr=1e-2", "trainer.rollouts=2"])
    trainer = Trainer(replace(config, run=replace(config.run, device="cpu")), folder, Progress("test"))
    trainer.run(NoTracker())
    return trainer


def test_an_engine_with_weights_of_its_own_gives_the_same_run(tmp_path, monkeypatch):
    plain = run(tmp_path / "plain")
    monkeypatch.setattr(sspo.rollout, "ENGINES", {"transformers": Apart})
    apart = run(tmp_path / "apart")
    for name in ("metrics.jsonl", "eval.jsonl"):
        assert lines(tmp_path / "apart" / name) == lines(tmp_path / "plain" / name), name
    weights = plain.model.state_dict()
    assert all(torch.equal(weights[key], value) for key, value in apart.sampler.copy.state_dict().items())

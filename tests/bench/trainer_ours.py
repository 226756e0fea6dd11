"""Our trainer on the workload of `make bench-trainer`: argv's options come last."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from sspo.compose.fast import quick_compose
from sspo.console.progress import Progress
from sspo.runs.tracking import NoTracker
from sspo.trainer.loop import Trainer
from sspo.types import Score
from tests.bench import trainer_workload as work


class Digits:
    """The workload's reward, for answers of any state: none of them ends."""

    statuses = ("ok",)

    def score(self, problems, responses):
        """See Reward."""
        del problems
        return [Score(value=work.reward(response.text), status="ok") for response in responses]


def run(folder: Path, cycles: int, turns: work.Turns) -> None:
    questions = folder.parent / "questions.jsonl"
    rows = [{"question": text, "answer": "0"} for text in work.prompts()]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    store = folder.parent / "-".join(("store", *sys.argv[4:])).replace("=", "_")
    config = quick_compose(
        [
            f"model.path={folder}", "task=jsonl", f"task.train={questions}", f"task.eval=[{questions}]", "reward=math_verify",
            f"rollout.prompts={work.PROMPTS}", f"rollout.responses={work.RESPONSES}", f"rollout.max_tokens={work.TOKENS}",
            f"trainer.minibatch={work.MINIBATCH}", f"trainer.epochs={work.EPOCHS}", f"trainer.rollouts={cycles}",
            f"trainer.lr={work.LEARNING_RATE}", "trainer.beta2=0.999", "trainer.checkpoint_every=0", "trainer.samples_every=0",
            "trainer.warn_after=0", "evaluation.questions=1", "tracking=none", "run.device=cpu", f"run.store={store}",
            f"run.threads={torch.get_num_threads()}", *sys.argv[4:],
        ]
    )  # fmt: skip
    trainer = Trainer(config, store / "run", Progress("bench"))
    trainer.collector.reward = Digits()
    trainer.sampler.end_E = torch.tensor([-1])  # nothing ends
    collect, one = trainer.collector.collect, trainer._one_rollout
    taken: dict[str, work.Seconds] = {}

    def timed_collect(*arguments):
        begun = work.now()
        collected = collect(*arguments)
        taken["generation"] = work.since(begun)
        assert bool(collected.batch.mask_BT.all())
        assert collected.batch.mask_BT.shape == (work.PROMPTS * work.RESPONSES, work.TOKENS)
        return collected

    def timed_rollout(tracker):
        turns.wait()
        one(tracker)
        turns.say(taken["generation"])

    trainer.collector.collect, trainer._one_rollout = timed_collect, timed_rollout
    trainer._evaluate_if_due = lambda: None
    trainer.run(NoTracker())


if __name__ == "__main__":
    work.worker(run)

"""`trainer.backend=verl`: a run of this project whose rollouts and optimizer steps are those of a job of verl.

Questions, token ids, seeds, rewards, objective, metrics and logs are those of any run; sampling, forward passes, sharding and
checkpoints are verl's. A run that was killed continues from verl's last checkpoint, and its logs are written anew from the job's.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sspo.config import TrainConfig
from sspo.config.plugins.in_use import digests_in_use
from sspo.console.progress import Progress
from sspo.errors import RunFailed, UserError
from sspo.evaluation.draws import last_step
from sspo.evaluation.due import due_after
from sspo.integrations.verl.job.events import RECORDINGS
from sspo.integrations.verl.names import DIVERGED, JOB, OUTCOME
from sspo.integrations.verl.parent.ending import Outcome, clear, outcome_of
from sspo.integrations.verl.parent.environment import elsewhere, open_environment, place_of
from sspo.integrations.verl.parent.follow import Follower
from sspo.integrations.verl.parent.launch import OUTPUT, prepare, started
from sspo.integrations.verl.parent.questions import questions_of
from sspo.integrations.verl.parent.recipe import Start, attention_of, recipe
from sspo.integrations.verl.parent.resume import keep_last, rewind
from sspo.models.policy import outlined_policy
from sspo.rewards import open_reward, with_others
from sspo.runs.runlog import RunLog, write_atomic
from sspo.runs.tracking import Tracker
from sspo.tasks import first_question, task_of
from sspo.trainer.environment import describe_environment
from sspo.trainer.optim import Diverged
from sspo.trainer.ready import check_answers, check_questions

FOLDER = "verl"
"""The job's folder in the run's."""


def open_trial(config: TrainConfig, folder: Path, progress: Progress) -> JobTrial:
    """Return the run, at its last checkpoint or the base model. Raises UserError."""
    return JobTrial(config, folder, progress)


class JobTrial:
    """One run by a job of verl."""

    def __init__(self, config: TrainConfig, folder: Path, progress: Progress):
        """Check everything that can refuse the run, and bring its logs to the last checkpoint."""
        self.config = config
        self.progress = progress
        self.environment = open_environment(config)
        self.place = place_of(config, self.environment)
        self.task = task_of(config)
        check_answers(config, self.task, with_others(open_reward(config.reward), config.reward))
        self.policy = outlined_policy(config.model.path, config.prompt, self.place.precision)
        check_questions(config, self.task, self.policy, progress.warn)
        self.questions = questions_of(config, self.task, self.policy)
        self._check_positions()
        self.log = RunLog(folder)
        self.folder = folder.absolute() / FOLDER
        self.folder.mkdir(exist_ok=True)
        prepare(config, self.folder, self.environment)
        self.done = rewind(self.folder, progress.warn)
        keep_last(self.folder, config.run.checkpoints_kept)  # verl counts those of its own process alone
        self.log.rewind({})
        self.follower = Follower(self.folder, self.log, progress)
        self.follower.read()
        self.log.describe(asdict(config), self._described(), resumed=self.done > 0)

    def _check_positions(self) -> None:
        """Raise UserError for a row beyond the model's positions, which vLLM refuses, whatever kind they are."""
        response = max(self.config.rollout.max_tokens, self.config.evaluation.max_tokens)
        lack = self.policy.positions.lack(self.questions.longest, response)
        if lack is not None:
            raise UserError(
                f"model.path={self.config.model.path}: {lack}, which trainer.backend={FOLDER} cannot sample: lower rollout.max_tokens or "
                "evaluation.max_tokens"
            )

    def _described(self) -> dict[str, Any]:
        """Return the content of env.json: versions and hardware are the job's, and those of this process are beside them."""
        described = describe_environment(self.config, self.policy)
        environment = self.environment
        hardware = {
            **described["hardware"],
            "device": self.place.device,
            "attention": attention_of(self.config, self.place),
            "gpu": None if elsewhere(self.config) else environment.gpu,
            **({"nodes": self.config.run.nodes} if self.config.run.nodes > 1 else {}),
        }
        return {
            **described,
            "python": environment.python_version,
            "versions": dict(environment.versions),
            "hardware": hardware,
            "parent": {"python": platform.python_version(), "versions": described["versions"]},
            "paths": {"forward": FOLDER, "logits": FOLDER, "engine": self.config.rollout.engine},
            "prompt": self.policy.encoder.shown(first_question(self.task, self.config)),
        }

    def run(self, tracker: Tracker) -> dict[str, Any]:
        """Train to the last rollout and score it; return the content of DONE.json.

        Raises Diverged after scoring the last checkpoint, and RunFailed for a job that did not end by itself.
        """
        self.progress.begin(self.done, self.config.trainer.rollouts)
        self.follower.begin(tracker)
        self.questions.write(self.folder)
        # verl writes a checkpoint before the evaluation that is due with it
        ended = self._job(Start(evaluate=bool(due_after(self.config, self.done))))
        if ended.reason == DIVERGED:
            self._job(Start(only_score=True))
            error = Diverged(ended.message)
            error.logs = self.log.ended()
            raise error
        self._check_complete()
        return asdict(replace(self.follower.state, seconds=self.follower.wall()))

    def _job(self, start: Start) -> Outcome:
        """Run a job to its end. Raises UserError and RunFailed."""
        config = self.config
        clear(self.folder)
        content = {
            "config": asdict(config),
            "folder": str(self.folder),
            "files": digests_in_use(config),
            "precision": self.place.precision,
        }
        write_atomic(self.folder / JOB, json.dumps(content, indent=1) + "\n")
        words = recipe(config, self.folder, self.questions.longest, self.place, start)
        print(
            f"{self.progress.name}: verl's job starts, which takes minutes; its output: {self.folder / OUTPUT}",
            flush=True,
        )
        with started(config, self.folder, self.environment, words) as job:
            status = self.follower.until_end(job, config.run.silence)
        return outcome_of(self.folder, status)

    def _check_complete(self) -> None:
        """Raise RunFailed for a job that says it is done and is not."""
        rollouts, found = self.config.trainer.rollouts, self.follower.state.rollouts
        answers = sum(asked.size for asked in last_step(self.task, self.config.evaluation))
        if (found, self.follower.final) != (rollouts, answers):
            raise RunFailed(
                "error",
                f"verl's job wrote {OUTCOME} after {found} of {rollouts} rollouts and {self.follower.final} of {answers} last answers; its "
                f"output is {self.folder / OUTPUT}",
            )

    def finish(self, outcome: Mapping[str, Any]) -> None:
        """Mark the run finished with the result of `run`; only verl's last checkpoint is kept."""
        keep_last(self.folder, 1)
        shutil.rmtree(self.folder / RECORDINGS, ignore_errors=True)  # the run's own folder has them too
        self.log.done(outcome)

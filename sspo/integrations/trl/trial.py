"""`trainer.backend=trl`: a run of this project whose rollouts and optimizer steps are TRL's.

Questions, prompts, rewards, optimizer, learning rates, evaluation, checkpoints and logs are ours, the same as of any other run;
the order of rows within a rollout and forward passes are TRL's. So is sampling, unless rollout.engine is another than our own:
then it samples for TRL, the same tokens from the same weights as in any run. Every rollout seeds its random numbers anew, so a
run that was killed continues bit for bit.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback, TrainerState, set_seed

from sspo.config import TrainConfig
from sspo.console.progress import Progress
from sspo.errors import UserError
from sspo.evaluation.scoring import score_rollout
from sspo.integrations.rollout import TrainedRollout, mismatch_of, recorded_of
from sspo.integrations.trl.config import SSPOConfig
from sspo.integrations.trl.trainer import SSPOTrainer
from sspo.metrics import Metric
from sspo.objective.clip_controller import scaled
from sspo.randomness import derive, torch_stream
from sspo.runs.tracking import Tracker
from sspo.trainer.course import Course, token_hash
from sspo.trainer.dynamic_sampling import penalized
from sspo.trainer.mismatch import check_parity, parity_limit
from sspo.trainer.optim import check_finite, check_norm, learning_rate
from sspo.trainer.rollout_metrics import summarize
from sspo.types import Problem, Rollout, Score

SEEDS = 2**32
"""Seeds that numpy accepts."""


def open_trial(config: TrainConfig, folder: Path, progress: Progress) -> Trial:
    """Return the run, at its last checkpoint or the base model. Raises UserError."""
    return Trial(config, folder, progress)


class Trial(Course):
    """One run by TRL's trainer."""

    tracker: Tracker

    def __init__(self, config: TrainConfig, folder: Path, progress: Progress):
        super().__init__(config, folder, progress)
        self.drawn: Rollout | None = None
        self.scores: list[Score] = []
        self.penalty: dict[str, Metric] = {}
        self.problems: list[Problem] = [
            problem
            for number in range(config.trainer.rollouts)
            for problem in self.task.train_problems(config.seed, number, config.rollout.prompts)
        ]
        self.trainer = TrialTrainer(self) if self.problems else None
        self._resume()

    def _paths(self) -> dict[str, str]:
        """See Course. Evaluation samples with our code."""
        sampling = self.sampler.paths if self.sampler.foreign else {"decode": "trl"}
        return {"forward": "trl", "logits": "trl", **sampling}

    def _train(self, tracker: Tracker) -> None:
        if self.trainer is None or self.state.rollouts == self.config.trainer.rollouts:
            return
        self.tracker = tracker
        self.trainer.clip_scale = self.state.control.scale
        with _place(self.trainer, self.state.steps) as place, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            self.trainer.train(resume_from_checkpoint=place)

    def sample(self, prompts: Sequence[str], _: Any) -> dict[str, Any]:
        """Return the next rollout in rows, as TRL asks for them: the tokens that a run of ours samples from these weights."""
        rollout, group = self.config.rollout, self.config.rollout.responses
        drawn = self.sampler.sample(
            self.policy.prompts(prompts[::group], rollout.max_tokens),
            group,
            max_tokens=rollout.max_tokens,
            temperature=rollout.temperature,
            draws=torch_stream(self.config.seed, "rollout", self.state.rollouts),
            with_logp=True,
        )
        self.sampler.rest()
        self.drawn = drawn
        assert drawn.logp_BT is not None
        return {
            "prompt_ids": _rows(drawn.prompt_BL, drawn.prompt_mask_BL),
            "completion_ids": _rows(drawn.response_BT, drawn.mask_BT),
            "logprobs": _rows(drawn.logp_BT, drawn.mask_BT),
        }

    def score(self, completion_ids: Sequence[list[int]], row: Sequence[int], **_: Any) -> list[float]:
        """Return the rewards of a rollout, as TRL asks for them, and keep the scores that they come from."""
        config, (prompts, group) = self.config, self._sizes()
        begin = self.state.rollouts * prompts
        if list(row) != [i for i in range(begin, begin + prompts) for _ in range(group)]:
            raise RuntimeError(f"TRL asked other questions than those of rollout {self.state.rollouts}")
        with self.clock.time("reward"):
            problems = self.problems[begin : begin + prompts]
            rollout = self.drawn or self._sampled(completion_ids)
            scores = score_rollout(problems, rollout, self.policy, self.reward, config.rollout.max_tokens)
            self.scores, self.penalty = penalized(scores, rollout.mask_BT, config)
        return [score.value for score in self.scores]

    def _sizes(self) -> tuple[int, int]:
        return self.config.rollout.prompts, self.config.rollout.responses

    def _sampled(self, completion_ids: Sequence[list[int]]) -> Rollout:
        """Return responses as a rollout of ours, without prompts: what scoring reads."""
        rows = [torch.tensor(ids, dtype=torch.long) for ids in completion_ids]
        pad = torch.nn.utils.rnn.pad_sequence
        nothing_BL = torch.zeros(len(rows), 0, dtype=torch.long)
        return Rollout(
            prompt_BL=nothing_BL,
            prompt_mask_BL=nothing_BL.bool(),
            response_BT=pad(rows, batch_first=True, padding_value=self.policy.pad_id),
            mask_BT=pad([torch.ones_like(row, dtype=torch.bool) for row in rows], batch_first=True),
            truncated_B=torch.tensor(
                [not ids or ids[-1] not in self.policy.end_ids for ids in completion_ids]
            ),
        )

    def rollout_metrics(self, rollout: TrainedRollout) -> dict[str, Metric]:
        """Return the metrics of a rollout beside those of its steps."""
        found = summarize(self.scores, rollout.reward_PG, rollout.batch, self.reward.statuses)
        return found | self.penalty | mismatch_of(rollout.batch)

    def sampled(self, rollout: TrainedRollout) -> None:
        """Look at a sampled rollout before its first update. Raises UserError if its sampler is too far from the trainer."""
        self._check_parity(rollout)
        if rollout.number == 0:
            batch = rollout.batch
            self.state = replace(self.state, rollout0_sha256=token_hash(batch.response_BT, batch.mask_BT))
            self._warn_of_first_rollout(self.scores, rollout.reward_PG, batch)

    def _check_parity(self, rollout: TrainedRollout) -> None:
        if self.drawn is None:
            return
        limit, batch = parity_limit(self.config.run.parity, self.policy.precision), rollout.batch
        assert self.drawn.logp_BT is not None
        check_parity(self.drawn.logp_BT, batch.old_logp_BT, batch.mask_BT, limit=limit, number=rollout.number)

    def stepped(self, rollout: TrainedRollout, updates: int) -> None:
        """Log an optimizer step; after the rollout's last, end the rollout."""
        update = len(rollout.steps) - 1
        self.state = replace(self.state, steps=rollout.first_step + update)
        self.tracker.log(self.log.step(self.state.steps, rollout.number, update, rollout.steps[-1]))
        if update + 1 < updates:
            return
        assert self.trainer is not None
        self.trainer.stop_update()
        check_finite(self.model, self.state.steps)
        prompts = self.config.rollout.prompts
        problems = self.problems[rollout.number * prompts : (rollout.number + 1) * prompts]
        recorded = recorded_of(rollout, [problem.id for problem in problems], self.scores)
        self.model.eval()
        self.sampler.sync(self.model)
        self._log_samples(recorded, scaled(self.config.objective, rollout.clip_scale))
        self._close(recorded, rollout.steps)
        self.model.train()
        self.trainer.clip_scale = self.state.control.scale

    def _evaluate(self, *, final: bool) -> None:
        """Evaluate without dropout, as every forward pass of ours."""
        self.model.eval()
        super()._evaluate(final=final)


class TrialTrainer(SSPOTrainer):
    """TRL's trainer with the parts of a run of ours. Checkpoints are the run's: TRL writes none."""

    def __init__(self, trial: Trial):
        config, policy = trial.config, trial.policy
        self.trial = trial
        self.began = 0.0
        policy.model.generation_config.eos_token_id = list(policy.end_ids)
        data = {"prompt": [problem.prompt for problem in trial.problems], "row": range(len(trial.problems))}
        constant = torch.optim.lr_scheduler.LambdaLR(trial.optimizer, lambda _: 1.0)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You are using 'rollout_func'", UserWarning)
            super().__init__(
                model=policy.model,
                reward_funcs=trial.score,
                args=trl_options(trial),
                train_dataset=Dataset.from_dict(data),
                processing_class=policy.tokenizer,
                optimizers=(trial.optimizer, constant),
                callbacks=[Steps(trial)],
                rollout_func=trial.sample if trial.sampler.foreign else None,
            )
        self.remove_callback(PrinterCallback)
        if set(self.eos_token_ids) != set(policy.end_ids):
            raise UserError(
                f"model.path={config.model.path}: responses end with tokens {list(policy.end_ids)}, and in TRL with {self.eos_token_ids}; "
                "set trainer.backend=sspo"
            )

    def rollout_metrics(self, rollout: TrainedRollout) -> dict[str, Metric]:
        """See SSPOTrainer."""
        return self.trial.rollout_metrics(rollout)

    def stop_update(self) -> None:
        """Count the seconds since the rollout was sampled as updates."""
        self._add("update", time.perf_counter() - self.began)

    def _add(self, phase: str, seconds: float) -> None:
        counted = self.trial.clock.seconds
        counted[phase] = counted.get(phase, 0.0) + seconds

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Sample the next rollout as TRL does, from random numbers that depend on its number alone."""
        number, start = self.state.global_step // self.updates, time.perf_counter()
        set_seed(derive(self.trial.config.seed, "trl rollout", number) % SEEDS)
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        self.began = time.perf_counter()
        others = sum(self.trial.clock.seconds.get(phase, 0.0) for phase in ("rollout", "reward"))
        self._add("old_logp", self.began - start - others)
        assert self.current is not None
        self.trial.sampled(self.current)
        return output

    def _generate(self, prompts: list[Any]) -> Any:
        with self.trial.clock.time("rollout"):
            return super()._generate(prompts)

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """Return the token ids that any run of ours gives these questions."""
        return self.trial.policy.prompts(prompts, self.max_completion_length), None, {}

    def _get_learning_rate(self) -> float:
        return learning_rate(self.trial.config.trainer, self.state.global_step + 1)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Return the norm as TRL does; set the learning rate of the step that follows. Raises Diverged."""
        step = self.state.global_step + 1
        check_norm(float(grad_norm), step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.trial.config.trainer, step)
        return super()._get_grad_norm(model, grad_norm=grad_norm)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Do nothing: the run has loaded its own checkpoint."""


class Steps(TrainerCallback):
    """Tells a run of its optimizer steps."""

    def __init__(self, trial: Trial):
        self.trial = trial

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Log the step, and end its rollout with it."""
        trainer = self.trial.trainer
        assert trainer is not None
        assert trainer.current is not None
        self.trial.stepped(trainer.current, trainer.updates)


class TrialConfig(SSPOConfig):
    """TRL's options of a run, whose configuration stays the run's."""

    def read_again(self) -> None:
        """Do nothing: the run's configuration has options that TRL's lack."""


def _rows(values_BT: torch.Tensor, mask_BT: torch.Tensor) -> list[list[Any]]:
    """Return the values on the mask, a list per row."""
    return [value_T[mask_T].tolist() for value_T, mask_T in zip(values_BT, mask_BT, strict=True)]


def trl_options(trial: Trial) -> SSPOConfig:
    """Return TRL's options of a run. Raises UserError if TRL would use several devices."""
    config, folder = trial.config, trial.log.folder
    rollout, trainer, on_cpu = config.rollout, config.trainer, trial.device.type == "cpu"
    if not on_cpu and torch.cuda.device_count() > 1:
        raise UserError(
            f"trainer.backend=trl trains on one device, and {torch.cuda.device_count()} are visible: set CUDA_VISIBLE_DEVICES to one of them"
        )
    rows, part = rollout.prompts * rollout.responses, _rows_at_once(trial)
    options = TrialConfig(
        output_dir=str(folder),
        per_device_train_batch_size=part,
        gradient_accumulation_steps=trainer.minibatch // part,
        steps_per_generation=rows // part,
        num_iterations=trainer.epochs,
        num_generations=rollout.responses,
        max_completion_length=rollout.max_tokens,
        temperature=rollout.temperature,
        max_steps=trainer.rollouts * trainer.epochs * rows // trainer.minibatch,
        learning_rate=trainer.lr,
        max_grad_norm=trainer.max_grad_norm,
        seed=config.seed % SEEDS,
        bf16=trial.policy.precision == "bfloat16",
        activation_checkpointing=trainer.gradient_checkpointing,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        shuffle_dataset=False,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    options.options = config
    options.beta = config.objective.kl.coef  # TRL then opens the base as its reference
    return options


def _rows_at_once(trial: Trial) -> int:
    """Return the largest divisor of a minibatch whose padded tokens fit trainer.micro_batch_tokens, as of rollout 0."""
    config, trainer = trial.config, trial.config.trainer
    first = trial.problems[: config.rollout.prompts]
    prompts = trial.policy.prompts((problem.prompt for problem in first), config.rollout.max_tokens)
    most = trainer.micro_batch_tokens // (max(map(len, prompts)) + config.rollout.max_tokens)
    return max(n for n in range(1, trainer.minibatch + 1) if trainer.minibatch % n == 0 and n <= max(most, 1))


@contextlib.contextmanager
def _place(trainer: SSPOTrainer, steps: int) -> Iterator[str | None]:
    """Yield a folder that tells TRL how many optimizer steps are done: the rest of a checkpoint is loaded already."""
    if steps == 0:
        yield None
        return
    args = trainer.args
    state = TrainerState(
        global_step=steps, max_steps=args.max_steps, train_batch_size=args.per_device_train_batch_size
    )
    state.compute_steps(args, args.max_steps)
    with tempfile.TemporaryDirectory() as folder:
        state.save_to_json(str(Path(folder) / "trainer_state.json"))
        yield folder

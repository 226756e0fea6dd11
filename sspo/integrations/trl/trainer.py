"""SSPOTrainer: TRL's GRPOTrainer with the objectives and segmentation of this project.

TRL samples, scores, shuffles, splits, accumulates and steps. Ours are the advantages, the segments, the old policy's entropy,
the bounds and the loss: one forward pass of TRL's gives log-probabilities, and `policy_loss` gives the rest. The loss that a
micro-batch returns is its share of the optimizer step's loss times the number of processes, because TRL's distributed
backends average gradients over processes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from accelerate.utils import gather_object
from trl import GRPOTrainer

from sspo.integrations.rollout import TrainedRollout, complete, mismatch_of
from sspo.integrations.trl.engine import settle_engine
from sspo.integrations.trl.refusals import check_begin, check_built, check_generated, check_parts
from sspo.integrations.trl.rollout import ROW, own_columns, part_of, whole
from sspo.integrations.trl.run_folder import RunFolder
from sspo.integrations.trl.steps import OrderAfterRestart, SaveAfterRollouts, contexts, in_trl, over_processes
from sspo.metrics import Metric, observe
from sspo.objective.clip_controller import scaled
from sspo.objective.micro_batch import part_loss
from sspo.recording.recorded import Visit
from sspo.segmentation import check_readable
from sspo.trainer.rollout_metrics import clipping_of_rollout, describe_batch
from sspo.types import Batch, LossContext

Pass = tuple[torch.Tensor, torch.Tensor]
"""Log-probabilities and entropies of one forward pass, nats."""


class SSPOTrainer(GRPOTrainer):
    """Trains as GRPOTrainer does, with the loss that an SSPOConfig names. Takes GRPOTrainer's arguments.

    Raises UserError for tools, images, and what SSPOConfig refuses.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        names = ("model", "reward_funcs", "args")
        parts = dict(zip(names, args, strict=False)) | kwargs
        check_parts(parts.get("args"), parts)
        parts["args"].read_again()
        self.options = parts["args"].options
        self.updates: int = parts["args"].updates
        self.clip_scale = 1.0
        self.current: TrainedRollout | None = None
        self._passes: list[Pass] | None = None
        self._rewards: torch.Tensor | None = None
        self._contexts: list[LossContext] = []
        self._new = False
        self._parts: list[dict[str, Metric]] = []
        self._visited: list[Visit] = []
        super().__init__(*args, **kwargs)
        check_built(self)
        settle_engine(self)
        if self.args.disable_dropout:
            for module in self.model.modules():
                if getattr(module, "attention_dropout", 0.0):
                    module.attention_dropout = 0.0  # not a layer, so TRL leaves it on
        check_readable(self.options.segmentation, self.processing_class)
        self.add_callback(SaveAfterRollouts(self.updates))
        self._order = OrderAfterRestart(self.updates)
        self.add_callback(self._order)
        self.folder: RunFolder | None = None
        if self.args.run_folder is not None:
            self.folder = RunFolder(self)
            self.add_callback(self.folder)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train as TRL does; a run folder names how it ends."""
        with contextlib.nullcontext() if self.folder is None else self.folder.named():
            return super().train(*args, **kwargs)

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        """Return TRL's sampler, which a run that resumes takes to its epoch."""
        self._order.sampler = super()._get_train_sampler(dataset)
        return self._order.sampler

    def rollout_metrics(self, rollout: TrainedRollout) -> dict[str, Metric]:
        """Return the metrics of a rollout beside those of its steps; prompts without a reward do not count in its rewards."""
        scored_P = ~rollout.reward_PG.isnan().any(1)
        return describe_batch(rollout.reward_PG[scored_P], rollout.batch) | mismatch_of(rollout.batch)

    def _get_per_token_logps_and_entropies(
        self, model: Any, *args: Any, **kwargs: Any
    ) -> tuple[Any, Any, Any]:
        """Compute as TRL does; during generation keep the policy's entropies too, which come from the same pass."""
        if self._passes is None or model is not self.model:
            return super()._get_per_token_logps_and_entropies(model, *args, **kwargs)  # type: ignore[no-any-return]
        logp_BT, entropy_BT, aux = super()._get_per_token_logps_and_entropies(
            model, *args, **{**kwargs, "compute_entropy": True}
        )
        self._passes.append((logp_BT, entropy_BT))
        return logp_BT, entropy_BT, aux

    def _calculate_rewards(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Compute as TRL does, and keep the rewards of all processes."""
        self._rewards = super()._calculate_rewards(*args, **kwargs)
        return self._rewards

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Return TRL's generation with our columns; advantages become ours, (B, T)."""
        if self.model.training:
            check_begin(self.state.global_step, self.updates)
        self._passes = []
        try:
            output: dict[str, Any] = super()._generate_and_score_completions(inputs)
            check_generated(output, self.options)
            self._add_old_policy(output, self._passes)
        finally:
            self._passes = None
        training = self.model.training
        group = self.num_generations if training else self.num_generations_eval
        number = self.state.global_step // self.updates
        reward_PG = self._rewards_of_rows().view(-1, group)
        batch = whole(self.accelerator, output)
        batch = complete(batch, reward_PG, self.options, self.processing_class, number)
        own = slice(
            self.accelerator.process_index * len(inputs), (self.accelerator.process_index + 1) * len(inputs)
        )
        output |= own_columns(batch, own, output["completion_mask"].shape[1])
        self._log_advantages(batch)
        if training:
            prompts = gather_object([one.get("prompt") for one in inputs])
            self._begin(number, batch, reward_PG, prompts[::group])
        return output

    def _add_old_policy(self, output: dict[str, Any], passes: Sequence[Pass]) -> None:
        """Add the old policy's entropies, and its log-probabilities where TRL leaves them out because ratios are 1."""
        old_BT = output.get("old_per_token_logps")
        for logp_BT, entropy_BT in passes:
            if logp_BT is old_BT:
                output["entropy"] = entropy_BT
                return
        training = self.model.training
        with torch.no_grad():
            logp_BT, entropy_BT, _ = self._pass(
                self.model,
                output,
                self.args.per_device_train_batch_size if training else self.args.per_device_eval_batch_size,
            )
        output["old_per_token_logps"], output["entropy"] = logp_BT, entropy_BT

    def _pass(self, model: Any, inputs: dict[str, Any], rows: int | None = None) -> tuple[Any, Any, Any]:
        return self._get_per_token_logps_and_entropies(
            model,
            torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1),
            torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1),
            inputs["completion_ids"].shape[1],
            batch_size=rows,
            compute_entropy=True,
            token_type_ids=inputs.get("token_type_ids"),
        )

    def _rewards_of_rows(self) -> torch.Tensor:
        """Return the weighted sum of the reward functions, of all processes; NaN where none of them gave a number."""
        assert self._rewards is not None
        weighted_BF = self._rewards * self.reward_weights.to(self._rewards.device)
        nothing_B = self._rewards.isnan().all(1)
        return torch.where(nothing_B, torch.nan, weighted_BF.nansum(1))

    def _log_advantages(self, batch: Batch) -> None:
        """Show our advantages in TRL's table of completions."""
        logged = self._logs["advantages"]
        for _ in range(min(len(logged), len(batch.mask_BT))):
            logged.pop()
        logged.extend(batch.advantage_BT.where(batch.mask_BT, 0.0)[:, 0].tolist())

    def _begin(self, number: int, batch: Batch, reward_PG: torch.Tensor, prompts: list[Any]) -> None:
        self.current = TrainedRollout(
            number=number,
            first_step=self.state.global_step + 1,
            clip_scale=self.clip_scale,
            batch=batch,
            reward_PG=reward_PG,
            prompts=prompts,
        )
        self._new = True

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        """Return the next micro-batch as TRL does; of a new generation, first count the rows of its optimizer steps."""
        inputs: dict[str, Any] = super()._prepare_inputs(generation_batch)
        if self._new:
            self._new = False
            self._contexts = contexts(
                self.accelerator,
                self._buffered_inputs,
                self.args.gradient_accumulation_steps,
                self.max_completion_length,
            )
        return inputs

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        """Return this micro-batch's share of the step's loss, times the number of processes."""
        training, objective = self.model.training, self.options.objective
        logp_BT, entropy_BT, _ = self._pass(model, inputs)
        part = part_of(inputs)
        if training:
            assert self.current is not None
            index = self._step % self.args.steps_per_generation // self.args.gradient_accumulation_steps
            context = self._contexts[index]
            out = part_loss(logp_BT, part, scaled(objective, self.current.clip_scale), context)
            self._visited.append((inputs[ROW], logp_BT.detach()))
        else:
            (context,) = contexts(self.accelerator, [inputs], 1, self.max_completion_length)
            out = part_loss(logp_BT, part, scaled(objective, self.clip_scale), context)
        now = {
            "entropy": Metric(
                "mean", (entropy_BT.detach().where(part.mask_BT, 0.0).sum(), part.mask_BT.sum())
            )
        }
        self._parts.append(out.metrics | now)
        if not training:
            self._to_trl("eval", self._merged())
        share: torch.Tensor = out.loss * self.accelerator.num_processes
        return share

    def _merged(self) -> dict[str, Metric]:
        """Return the metrics of the micro-batches since the last call, merged over them and over processes."""
        parts, self._parts = self._parts, []
        return over_processes(self.accelerator, parts)

    def _to_trl(self, mode: str, metrics: dict[str, Metric]) -> None:
        for name, value in in_trl(metrics).items():
            self._metrics[mode][name].append(value)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        """Return the norm as the trainer does, and close the books of the optimizer step that it belongs to."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        assert self.current is not None
        rollout = self.current
        rollout.visits.append(self._visits(rollout.batch.mask_BT.shape[1]))
        step = self._merged()
        step["optim/grad_norm"] = observe("optim/grad_norm", float(norm))
        step["optim/lr"] = observe("optim/lr", float(self._get_learning_rate()))
        if len(rollout.steps) + 1 == self.updates:
            step |= self.rollout_metrics(rollout)
            step |= clipping_of_rollout([*rollout.steps, step], rollout.clip_scale)
        self._to_trl("train", step)
        del step["entropy"]
        rollout.steps.append(step)
        return norm

    def _visits(self, width: int) -> Visit:
        """Return the rows of this step and their log-probabilities, of all micro-batches and processes."""
        row_b = torch.cat([row_b for row_b, _ in self._visited])
        logp_bT = torch.cat([torch.nn.functional.pad(x, (0, width - x.shape[1])) for _, x in self._visited])
        self._visited = []
        return self.accelerator.gather(row_b), self.accelerator.gather(logp_bT)

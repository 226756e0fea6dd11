"""What TRL or this project cannot express, and what two options would say twice: refused before any work, a sentence each."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import MISSING, fields
from typing import Any

from trl import GRPOConfig

from sspo.config import TrainConfig
from sspo.errors import UserError

NAMED_OURS = {
    "loss_type": "SSPOConfig.objective (docs/objectives.md lists TRL's losses by our names)",
    "importance_sampling_level": "objective.ratio=token|segment|response in overrides",
    "epsilon": "objective.clip.low=... and objective.clip.high=... in overrides",
    "epsilon_high": "objective.clip.high=... in overrides",
    "delta": "objective.clip.dual=... in overrides, which bounds the ratio at 1 + it",
    "beta": "objective.kl.coef=... in overrides",
    "use_bias_correction_kl": "objective.kl.estimator=... in overrides",
    "scale_rewards": "objective.advantage=group_norm|group_mean|whitened in overrides",
    "sapo_temperature_pos": "objective=sapo with objective.tau.positive=... in overrides",
    "sapo_temperature_neg": "objective=sapo with objective.tau.negative=... in overrides",
    "vespo_k_pos": "objective=vespo with its own options in overrides",
    "vespo_lambda_pos": "objective=vespo with its own options in overrides",
    "vespo_k_neg": "objective=vespo with its own options in overrides",
    "vespo_lambda_neg": "objective=vespo with its own options in overrides",
    "vllm_importance_sampling_cap": "objective.tis_cap=... in overrides",
    "vllm_importance_sampling_mode": "objective.tis_cap=... or objective.mis_cap=... in overrides",
    "vllm_importance_sampling_clip_max": "objective.tis_cap=... or objective.mis_cap=... in overrides",
    "vllm_importance_sampling_clip_min": "objective.mis_cap=... in overrides",
}
"""TRL's options whose place an option of ours takes."""
NOT_OURS = {
    "multi_objective_aggregation": "our advantages are those of the weighted sum of rewards",
    "top_entropy_quantile": "our losses count every token of a response",
    "entropy_coef": "our objectives have no entropy bonus",
    "use_adaptive_entropy": "our objectives have no entropy bonus",
    "off_policy_mask_threshold": "our objectives have no such mask; objective.mis_cap drops responses far from the sampler",
    "vllm_importance_sampling_correction": "objective.tis_cap and objective.mis_cap are our corrections",
    "sync_ref_model": "our KL penalty is to the base model, which stays as it is",
}
"""TRL's options that change the loss and have no counterpart here, with the reason."""

IN_TRL = {
    "lower trainer.minibatch or raise trainer.epochs": "raise steps_per_generation or num_iterations",
    "lower trainer.minibatch": "raise steps_per_generation or num_iterations",
    "trainer.minibatch": "per_device_train_batch_size * gradient_accumulation_steps",
    "trainer.epochs": "num_iterations",
    "trainer.lr": "learning_rate",
    "trainer.warmup_steps": "warmup_steps",
    "trainer.beta1": "adam_beta1",
    "trainer.beta2": "adam_beta2",
    "trainer.weight_decay": "weight_decay",
    "trainer.max_grad_norm": "max_grad_norm",
    "trainer.record": "record",
    "rollout.responses": "num_generations",
    "rollout.max_tokens": "max_completion_length",
    "rollout.temperature": "temperature",
}
"""What our messages call an option, and what it is called in a script of TRL's; longer texts first."""


def in_trl_words(text: str) -> str:
    """Return a message of ours with TRL's names of options."""
    for ours, theirs in IN_TRL.items():
        text = text.replace(ours, theirs)
    return text


def check_args(args: GRPOConfig, options: TrainConfig) -> None:
    """Raise UserError for the first option of TRL that our loss would ignore, or option of ours that TRL cannot serve."""
    plain = {one.name: one.default for one in fields(GRPOConfig) if one.default is not MISSING}
    plain["vllm_importance_sampling_correction"] = False
    if args.beta == options.objective.kl.coef:
        plain["beta"] = args.beta  # ours, in a copy of arguments that were made before
    for name, instead in NAMED_OURS.items():
        if _set(args, name, plain):
            raise UserError(
                f"{name}={getattr(args, name)!r} is TRL's option for its own loss, and the objective is ours: set {instead}"
            )
    for name, reason in NOT_OURS.items():
        if _set(args, name, plain):
            raise UserError(f"{name}={getattr(args, name)!r} cannot be used with SSPOTrainer: {reason}")
    _check_objective(args, options)


def _set(args: GRPOConfig, name: str, plain: dict[str, Any]) -> bool:
    return name in plain and getattr(args, name) != plain[name]


def check_steps(args: GRPOConfig) -> None:
    """Raise UserError for steps whose counts are not known when their first part is computed."""
    accumulated, generated = args.gradient_accumulation_steps, args.steps_per_generation
    if generated % accumulated:
        raise UserError(
            f"steps_per_generation={generated} must be a multiple of gradient_accumulation_steps={accumulated}: an optimizer step "
            "that spans two rollouts is divided by counts that its first part cannot know"
        )
    best = args.load_best_model_at_end or args.save_strategy == "best"
    updates = generated * args.num_iterations // accumulated
    if best and args.eval_strategy == "steps" and args.eval_steps % updates:
        raise UserError(
            f"eval_steps={args.eval_steps} must be a multiple of the {updates} optimizer steps per rollout, or the best model would have no "
            "checkpoint, which SSPOTrainer writes at the ends of rollouts: set that, or load_best_model_at_end=False and another save_strategy"
        )


def check_begin(step: int, updates: int) -> None:
    """Raise UserError if a rollout begins after this optimizer step and another one has not ended."""
    if step % updates:
        raise UserError(
            f"training continued after optimizer step {step}, amid a rollout, whose rest TRL does not keep: resume from a checkpoint at a "
            f"multiple of {updates} optimizer steps, or train with a new trainer"
        )


def _check_objective(args: GRPOConfig, options: TrainConfig) -> None:
    if options.objective.bounds.target_clip_frac is not None and not args.run_folder:
        raise UserError(
            "objective.bounds.target_clip_frac needs run_folder, which keeps the controller's state: set SSPOConfig(run_folder=...)"
        )
    if args.record < 0:
        raise UserError(
            f"record={args.record} must be 0 or the number of rollouts from one recording to the next"
        )
    if args.record and not args.run_folder:
        raise UserError(
            f"record={args.record} needs run_folder, where recordings lie: set SSPOConfig(run_folder=...)"
        )


def _capped(options: TrainConfig) -> str | None:
    """Return the first option that needs the sampler's log-probabilities, by its key; None if none is set."""
    return next((f"objective.{name}" for name in options.objective.sampler_caps), None)


def check_parts(args: GRPOConfig, parts: dict[str, Any]) -> None:
    """Raise UserError for the first part of a trainer, by its argument's name, that our loss cannot train with."""
    if not hasattr(args, "options"):
        raise UserError(
            f"SSPOTrainer takes an SSPOConfig as args, got {type(args).__name__}: SSPOConfig has the objective and the segmentation"
        )
    for name in ("tools", "environment_factory"):
        if parts.get(name):
            raise UserError(
                f"{name} cannot be used with SSPOTrainer: segmentation reads responses without a gap, and turns of tools leave gaps"
            )
    key = _capped(args.options)
    if key and not args.use_vllm and parts.get("rollout_func") is None:
        raise UserError(
            f"{key} needs the sampler's own log-probabilities, and model.generate reports none: set use_vllm=True, pass a rollout_func "
            f"that returns logprobs, or set {key}=null"
        )


def check_built(trainer: Any) -> None:
    """Raise UserError for what only the finished trainer shows: images, experts' losses, and too few prompts."""
    if trainer._is_vlm:
        raise UserError(
            "SSPOTrainer trains models of text: its rollouts carry no images; pass a tokenizer as processing_class"
        )
    if trainer.aux_loss_enabled:
        raise UserError(
            "the model adds a load-balancing loss for its experts, which is no part of our objectives: set router_aux_loss_coef=0.0"
        )
    prompts, data = trainer.options.rollout.prompts, trainer.train_dataset
    if isinstance(data, Sized) and len(data) < prompts:
        raise UserError(
            f"train_dataset has {len(data)} prompts and a rollout takes {prompts}, of which TRL would train on none: add prompts, or set a "
            "smaller generation_batch_size or steps_per_generation"
        )


def check_generated(output: dict[str, Any], options: TrainConfig) -> None:
    """Raise UserError for a generation of a rollout_func that our loss cannot train with."""
    if "tool_mask" in output:
        raise UserError(
            "rollout_func returned env_mask, which cannot be used with SSPOTrainer: segmentation reads responses without a gap, and "
            "tokens of an environment leave gaps; return responses without it"
        )
    key = _capped(options)
    if key and output.get("sampling_per_token_logps") is None:
        raise UserError(
            f"{key} needs the sampler's own log-probabilities, and rollout_func returned logprobs=None: return one number per token, or "
            f"set {key}=null"
        )

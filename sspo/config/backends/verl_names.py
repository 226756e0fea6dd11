"""verl's own option names: what `trainer.verl` may hold, and the options of ours that set the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sspo.errors import UserError, shown

ENTRY = re.compile(
    r"(?:\+{0,2}(?P<set>KEY)=.*|~(?P<gone>KEY)(?:=.*)?)".replace("KEY", r"[A-Za-z_][\w-]*(?:\.[\w-]+)*")
)
"""A Hydra override of one option. Choices of verl's own files (`group@place=file`) are not among them."""
TENSOR_PARALLEL = "actor_rollout_ref.rollout.tensor_model_parallel_size"
"""verl's devices per copy of its engine: verl's own default is 2, a job of ours sets 1 unless `trainer.verl` sets another."""
ACTOR, ROLLOUT, REF, MODEL = (f"actor_rollout_ref.{part}." for part in ("actor", "rollout", "ref", "model"))
OURS: Mapping[str, str] = {
    "data.train_files": "task.train",
    "data.val_files": "task.eval",
    "data.train_batch_size": "rollout.prompts",
    "data.gen_batch_size": "rollout.prompts",
    "data.val_batch_size": "evaluation.batch",
    "data.max_prompt_length": "run.prompt_tokens",
    "data.max_response_length": "rollout.max_tokens",
    "data.seed": "seed",
    "data.tokenizer": "model.path",
    "data.custom_cls": "task.name",
    "data.sampler": "task.name",
    f"{MODEL}path": "model.path",
    f"{MODEL}tokenizer_path": "model.path",
    f"{MODEL}hf_config_path": "model.path",
    f"{MODEL}custom_chat_template": "prompt.template",
    f"{MODEL}enable_gradient_checkpointing": "trainer.gradient_checkpointing",
    f"{MODEL}override_config.attn_implementation": "model.attention",
    f"{MODEL}lora_rank": "model.lora.rank",
    f"{MODEL}lora_alpha": "model.lora.alpha",
    f"{MODEL}lora_adapter_path": "model.lora.rank",
    f"{MODEL}target_modules": "model.lora.targets",
    f"{MODEL}exclude_modules": "model.lora.targets",
    f"{MODEL}lora": "model.lora.rank",
    f"{ACTOR}ppo_mini_batch_size": "trainer.minibatch",
    f"{ACTOR}ppo_micro_batch_size": "trainer.micro_batch_tokens",
    f"{ACTOR}ppo_micro_batch_size_per_gpu": "trainer.micro_batch_tokens",
    f"{ACTOR}ppo_max_token_len_per_gpu": "trainer.micro_batch_tokens",
    f"{ACTOR}use_dynamic_bsz": "trainer.micro_batch_tokens",
    f"{ACTOR}ppo_epochs": "trainer.epochs",
    f"{ACTOR}data_loader_seed": "seed",
    f"{ACTOR}grad_clip": "trainer.max_grad_norm",
    f"{ACTOR}optim.clip_grad": "trainer.max_grad_norm",
    f"{ACTOR}optim.lr": "trainer.lr",
    f"{ACTOR}optim.lr_scheduler_type": "trainer.lr",
    f"{ACTOR}optim.lr_warmup_steps": "trainer.warmup_steps",
    f"{ACTOR}optim.lr_warmup_steps_ratio": "trainer.warmup_steps",
    f"{ACTOR}optim.betas": "trainer.beta1 and trainer.beta2",
    f"{ACTOR}optim.weight_decay": "trainer.weight_decay",
    f"{ACTOR}optim.total_training_steps": "trainer.rollouts",
    f"{ACTOR}optim.optimizer": "trainer.optimizer",
    f"{ACTOR}optim.optimizer_impl": "trainer.optimizer",
    f"{ACTOR}fsdp_config.dtype": "model.precision",
    f"{ACTOR}fsdp_config.mixed_precision": "model.precision",
    f"{ACTOR}policy_loss": "objective",
    f"{ACTOR}clip_ratio": "objective.clip.low and objective.clip.high",
    f"{ACTOR}clip_ratio_low": "objective.clip.low",
    f"{ACTOR}clip_ratio_high": "objective.clip.high",
    f"{ACTOR}clip_ratio_c": "objective.clip.dual",
    f"{ACTOR}tau_pos": "objective.tau.positive",
    f"{ACTOR}tau_neg": "objective.tau.negative",
    f"{ACTOR}loss_agg_mode": "objective.aggregation",
    f"{ACTOR}loss_scale_factor": "objective.aggregation",
    f"{ACTOR}use_kl_loss": "objective.kl.coef",
    f"{ACTOR}kl_loss_coef": "objective.kl.coef",
    f"{ACTOR}kl_loss_type": "objective.kl.estimator",
    f"{ROLLOUT}name": "rollout.engine",
    f"{ROLLOUT}n": "rollout.responses",
    f"{ROLLOUT}temperature": "rollout.temperature",
    f"{ROLLOUT}do_sample": "rollout.temperature",
    f"{ROLLOUT}seed": "seed",
    f"{ROLLOUT}prompt_length": "run.prompt_tokens",
    f"{ROLLOUT}response_length": "rollout.max_tokens",
    f"{ROLLOUT}max_model_len": "run.prompt_tokens and rollout.max_tokens",
    f"{ROLLOUT}ignore_eos": "rollout.stop",
    f"{ROLLOUT}calculate_log_probs": "objective.tis_cap and objective.mis_cap",
    f"{ROLLOUT}log_prob_micro_batch_size": "trainer.micro_batch_tokens",
    f"{ROLLOUT}log_prob_micro_batch_size_per_gpu": "trainer.micro_batch_tokens",
    f"{ROLLOUT}log_prob_max_token_len_per_gpu": "trainer.micro_batch_tokens",
    f"{ROLLOUT}log_prob_use_dynamic_bsz": "trainer.micro_batch_tokens",
    f"{ROLLOUT}val_kwargs": "evaluation",
    f"{ROLLOUT}engine_kwargs.vllm.kv_cache_memory_bytes": "run.cache_gb",
    f"{ROLLOUT}n_gpus_per_node": "run.gpus",
    f"{ROLLOUT}nnodes": "run.nodes",
    f"{REF}log_prob_micro_batch_size": "trainer.micro_batch_tokens",
    f"{REF}log_prob_micro_batch_size_per_gpu": "trainer.micro_batch_tokens",
    f"{REF}log_prob_max_token_len_per_gpu": "trainer.micro_batch_tokens",
    f"{REF}log_prob_use_dynamic_bsz": "trainer.micro_batch_tokens",
    "algorithm.adv_estimator": "objective.advantage",
    "algorithm.norm_adv_by_std_in_grpo": "objective.advantage",
    "algorithm.gamma": "objective.advantage",
    "algorithm.lam": "objective.advantage",
    "algorithm.use_kl_in_reward": "objective.kl.coef",
    "algorithm.kl_penalty": "objective.kl.estimator",
    "algorithm.kl_ctrl": "objective.kl.coef",
    "algorithm.rollout_correction": "objective.tis_cap and objective.mis_cap",
    "reward": "reward.name",
    "reward_model": "reward.name",
    "custom_reward_function": "reward.name",
    "trainer.total_training_steps": "trainer.rollouts",
    "trainer.total_epochs": "trainer.rollouts",
    "trainer.save_freq": "trainer.checkpoint_every",
    "trainer.max_actor_ckpt_to_keep": "run.checkpoints_kept",
    "trainer.test_freq": "evaluation.every",
    "trainer.val_before_train": "evaluation.every",
    "trainer.val_only": "evaluation.every",
    "trainer.n_gpus_per_node": "run.gpus",
    "trainer.nnodes": "run.nodes",
    "trainer.device": "run.device",
    "trainer.default_local_dir": "run.store",
    "trainer.resume_mode": "run.store",
    "trainer.resume_from_path": "run.store",
    "trainer.logger": "tracking.mode",
    "trainer.project_name": "tracking.project",
    "trainer.experiment_name": "run.arm",
    "trainer.use_v1": "trainer.backend",
    "trainer.v1": "objective and segmentation",
}
"""verl's options, and groups of them, whose values follow from options of ours."""
FOREIGN = "code of a model's folder is never run"
ORDER = "our seed fixes the order of prompts and responses"
WHOLE = "training samples the whole softmax"
NEVER: Mapping[str, str] = {
    "data.shuffle": ORDER,
    "data.trust_remote_code": FOREIGN,
    f"{MODEL}trust_remote_code": FOREIGN,
    f"{ACTOR}entropy_coeff": "our objectives have no entropy bonus",
    f"{ACTOR}shuffle": ORDER,
    f"{ROLLOUT}multi_turn": "our questions have one turn",
    f"{ROLLOUT}top_k": WHOLE,
    f"{ROLLOUT}top_p": WHOLE,
    "trainer.balance_batch": ORDER,
}
"""verl's options that a job of ours leaves at one value, with the reason."""


def key_of(entry: str) -> str | None:
    """Return the dotted key of a Hydra override, such as `+a.b=1` or `~a.b`; None if it is not one."""
    found = ENTRY.fullmatch(entry)
    return None if found is None else found["set"] or found["gone"]


def value_of(entries: Sequence[str], key: str) -> str | None:
    """Return the text that the entries set a key to; None if none sets it."""
    values = [
        entry.partition("=")[2] for entry in entries if key_of(entry) == key and not entry.startswith("~")
    ]
    return values[-1] if values else None


def check_entries(entries: Sequence[str]) -> None:
    """Raise UserError for the first entry of `trainer.verl` that is not an override, or whose value follows from our options."""
    seen: set[str] = set()
    for entry in entries:
        key = key_of(entry)
        if key is None:
            raise UserError(
                f"trainer.verl must hold overrides of verl's own options, as key=value, +key=value or ~key, got {shown(entry)}"
            )
        if key in seen:
            raise UserError(f"trainer.verl sets {key} twice: name it once")
        seen.add(key)
        _refuse_ours(key)


def _refuse_ours(key: str) -> None:
    for name, reason in NEVER.items():
        if _holds(name, key):
            raise UserError(f"trainer.verl cannot set {key}, because {reason}: leave it out")
    for name, ours in OURS.items():
        if _holds(name, key):
            raise UserError(
                f"trainer.verl cannot set {key}, which follows from our own options: set {ours} instead"
            )
    inside = [name for name in (*OURS, *NEVER) if _holds(key, name)]
    if inside:
        raise UserError(
            f"trainer.verl cannot set the whole group {key}, which holds {inside[0]} and others that follow from our own options: set "
            "single options of it"
        )


def _holds(group: str, key: str) -> bool:
    """Return whether a key is the named one, or one inside it."""
    return f"{key}.".startswith(f"{group}.")

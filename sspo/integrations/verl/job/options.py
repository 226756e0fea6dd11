"""Our options in verl's configuration, under `trainer.v1.sspo`, and verl's own options that they replace.

+trainer.v1.sspo.objective=sspo            a named objective, or a row of your own
+trainer.v1.sspo.segmentation=subsentence  a rule, or one of your own
+trainer.v1.sspo.overrides=["..."]         single options of both
+trainer.v1.sspo.job=FILE                  instead of these: a trial of ours, whose job.json this is
+trainer.v1.sspo.final=true                a trial: every validation is the last one
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sspo.config import TrainConfig
from sspo.config.backends.verl import ENGINE
from sspo.config.build import build
from sspo.config.plugins.in_use import digests_in_use
from sspo.config.validation import validate
from sspo.errors import UserError, shown, unknown
from sspo.integrations.composed import composed
from sspo.integrations.verl.names import NAME

KEYS = ("objective", "segmentation", "overrides", "job", "final")
PLAIN = {
    "algorithm.adv_estimator": ("grpo", "objective.advantage"),
    "algorithm.use_kl_in_reward": (False, "objective.kl.coef"),
    "algorithm.norm_adv_by_std_in_grpo": (True, "objective.advantage"),
    "algorithm.filter_groups.enable": (False, None),
    "algorithm.rollout_correction.rollout_is": (None, "objective.tis_cap"),
    "algorithm.rollout_correction.rollout_rs": (None, "objective.mis_cap"),
    "algorithm.rollout_correction.bypass_mode": (False, None),
    "actor_rollout_ref.actor.clip_ratio": (0.2, "objective.clip.low"),
    "actor_rollout_ref.actor.clip_ratio_low": (0.2, "objective.clip.low"),
    "actor_rollout_ref.actor.clip_ratio_high": (0.2, "objective.clip.high"),
    "actor_rollout_ref.actor.clip_ratio_c": (3.0, "objective.clip.dual"),
    "actor_rollout_ref.actor.loss_agg_mode": ("token-mean", "objective.aggregation"),
    "actor_rollout_ref.actor.loss_scale_factor": (None, "objective.aggregation"),
    "actor_rollout_ref.actor.tau_pos": (1.0, "objective.tau.positive"),
    "actor_rollout_ref.actor.tau_neg": (1.05, "objective.tau.negative"),
    "actor_rollout_ref.actor.entropy_coeff": (0, None),
    "actor_rollout_ref.actor.shuffle": (False, None),
    "trainer.critic_warmup": (0, None),
    "distillation.enabled": (False, None),
}
"""verl's options that would change the loss: the value that leaves it alone, and the option of ours that says the same."""


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What a trainer in verl is to do."""

    config: TrainConfig
    """With the sizes of verl's configuration."""
    job: Path | None = None
    """The folder of a trial, which the job writes into; None in a run of one's own."""
    precision: str = "float32"
    """Of a trial's forward passes. Its job says so: the process that asks has no device of its own."""
    final: bool = False


def read_options(config: Any) -> JobOptions:
    """Return our options from verl's whole configuration (an OmegaConf node). Raises UserError in one sentence."""
    from omegaconf import OmegaConf

    given = OmegaConf.to_container(
        OmegaConf.create({NAME: OmegaConf.select(config, f"trainer.v1.{NAME}")}), resolve=True
    )
    assert isinstance(given, dict)
    given = given[NAME] if given[NAME] is not None else {}
    if not isinstance(given, dict):
        raise UserError(f"trainer.v1.{NAME} must hold the keys {', '.join(KEYS)}, got {shown(given)}")
    for key in given:
        if key not in KEYS:
            raise unknown(
                "key", f"trainer.v1.{NAME}.{key}", [f"trainer.v1.{NAME}.{name}" for name in KEYS[:3]]
            )
    check_plain(config)
    if "job" in given:
        return trial_options(Path(given["job"]), final=bool(given.get("final", False)))
    overrides = given.get("overrides") or []
    if not isinstance(overrides, list) or not all(isinstance(word, str) for word in overrides):
        raise UserError(
            f'trainer.v1.{NAME}.overrides must be a list of texts, got {shown(overrides)}: write ["objective.clip.low=0.05"]'
        )
    ours = composed(
        f"trainer.v1.{NAME}.overrides",
        given.get("objective", "sspo"),
        given.get("segmentation", "subsentence"),
        overrides,
    )
    return JobOptions(config=_with_sizes(ours, config))


def check_plain(config: Any) -> None:
    """Raise UserError for the first option of verl that the loss would ignore, or that it cannot do without."""
    from omegaconf import OmegaConf

    select = OmegaConf.select
    mode = select(config, "actor_rollout_ref.actor.policy_loss.loss_mode")
    if mode != NAME:
        raise UserError(
            f"actor_rollout_ref.actor.policy_loss.loss_mode={mode} is not the loss of trainer.v1.trainer_mode={NAME}: set it to {NAME}"
        )
    for key, (plain, ours) in PLAIN.items():
        found = select(config, key)
        if found != plain and found is not None:
            text = plain if isinstance(plain, str) else json.dumps(plain)
            instead = f"set it to {text}" + (f" and {_override(ours)} if you need it" if ours else "")
            raise UserError(
                f"{key}={found} is verl's option for its own loss, and the objective is ours: {instead}"
            )
    strategy = str(select(config, "actor_rollout_ref.actor.strategy"))
    if not strategy.startswith("fsdp"):
        raise UserError(
            f"actor_rollout_ref.actor.strategy={strategy} was not tried with trainer.v1.trainer_mode={NAME}: set fsdp2 or fsdp"
        )
    if not select(config, "trainer.use_v1"):
        raise UserError(
            "trainer.use_v1=false drops the old policy's entropies before the update: set trainer.use_v1=true"
        )


def trial_options(path: Path, *, final: bool) -> JobOptions:
    """Return the options of a trial by its job.json."""
    try:
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"trainer.v1.{NAME}.job={path} cannot be read ({error}): `sspo train trainer.backend=verl` writes it and starts the job"
        ) from error
    config = build(TrainConfig, content["config"])
    files = digests_in_use(config)
    changed = [name for name, digest in content["files"].items() if files.get(name) != digest]
    if changed:
        raise UserError(f"{changed[0]} has changed since its trial was started: start the trial again")
    return JobOptions(config=config, job=Path(content["folder"]), precision=content["precision"], final=final)


def _check_sampling(config: Any) -> None:
    """Raise UserError for a sampler that was not tried, and for optimizer steps that do not fill a rollout."""
    from omegaconf import OmegaConf

    engine = OmegaConf.select(config, "actor_rollout_ref.rollout.name")
    if engine != ENGINE:
        raise UserError(
            f"actor_rollout_ref.rollout.name={engine} was not tried with trainer.v1.trainer_mode={NAME}: set {ENGINE}"
        )
    prompts, part = config.data.train_batch_size, config.actor_rollout_ref.actor.ppo_mini_batch_size
    if prompts % part:
        raise UserError(
            f"actor_rollout_ref.actor.ppo_mini_batch_size={part} does not divide data.train_batch_size={prompts}: both count prompts, so "
            "set it to a divisor"
        )


def _with_sizes(ours: TrainConfig, config: Any) -> TrainConfig:
    """Return our configuration with the sizes of verl's, which our code reads there. Raises UserError."""
    _check_sampling(config)
    data, actor, rollout = config.data, config.actor_rollout_ref.actor, config.actor_rollout_ref.rollout
    seed = data.get("seed")
    sized = replace(
        ours,
        seed=0 if seed is None else int(seed),
        rollout=replace(
            ours.rollout,
            engine=rollout.name,
            prompts=int(data.train_batch_size),
            responses=int(rollout.n),
            max_tokens=int(data.max_response_length),
            temperature=float(rollout.temperature),
        ),
        trainer=replace(
            ours.trainer,
            backend="verl",
            minibatch=int(actor.ppo_mini_batch_size) * int(rollout.n),
            epochs=int(actor.ppo_epochs),
            lr=float(actor.optim.lr),
        ),
    )
    _check_reference(sized.objective.kl.coef, actor)
    capped = list(sized.objective.sampler_caps)
    if capped and not rollout.calculate_log_probs:
        raise UserError(
            f"objective.{capped[0]} needs the sampler's own log-probabilities: set actor_rollout_ref.rollout.calculate_log_probs=true"
        )
    if sized.objective.bounds.target_clip_frac is not None:
        raise UserError(
            "objective.bounds.target_clip_frac needs a run folder, which keeps the controller's state: train it as a trial, "
            "`sspo train trainer.backend=verl`"
        )
    return validate(sized)


def _check_reference(coef: float, actor: Any) -> None:
    """Raise UserError unless verl evaluates its reference policy exactly if our KL penalty needs it, without a penalty of its own."""
    if coef > 0 and not actor.use_kl_loss:
        raise UserError(
            f"objective.kl.coef={coef:g} needs the log-probabilities of verl's reference policy: set "
            "actor_rollout_ref.actor.use_kl_loss=true and actor_rollout_ref.actor.kl_loss_coef=0"
        )
    if actor.use_kl_loss and actor.kl_loss_coef != 0:
        raise UserError(
            f"actor_rollout_ref.actor.kl_loss_coef={actor.kl_loss_coef} is verl's own penalty, and the objective is ours: set it to 0 and "
            f"{_override('objective.kl.coef')}"
        )


def _override(option: str) -> str:
    """Return how an option of ours is set on a shell's command line of verl's."""
    return f"'+trainer.v1.{NAME}.overrides=[\"{option}=...\"]'"

"""Valid values of options: choices, bounds and combinations, refused in one sentence that names the key, the given
value and what to set instead.
"""

from __future__ import annotations

from sspo.config import (
    ATTENTIONS,
    BACKENDS,
    DECODES,
    DEVICES,
    ENGINES,
    ENTROPY_OVER,
    FORWARDS,
    LOGITS,
    MAX_LR,
    MIN_TEMPERATURE,
    OLD_LOGPS,
    OPTIMIZERS,
    PRECISIONS,
    REWARD_NAMES,
    RULES,
    STREAMS,
    TASK_NAMES,
    TRACKING_MODES,
    LoraConfig,
    ModelConfig,
    SegmentationConfig,
    TrainConfig,
)
from sspo.config.choices import (
    ADAPTATIONS,
    ADVANTAGES,
    AGGREGATIONS,
    ENTROPY_LEVELS,
    HOUSE_TERMS,
    KL_ESTIMATORS,
    POOLINGS,
    PROPORTIONAL,
    RATIOS,
    SIDES,
    TARGET_CONTROLS,
)
from sspo.config.compatibility import check_backend, check_engine
from sspo.config.fitted import OF_LEAN
from sspo.config.objective_checks import check_objective, why_unmatched
from sspo.config.patterns import check_pattern
from sspo.config.plugins import table
from sspo.config.plugins.in_use import group_rules_in_use, rules_in_use
from sspo.config.prompt_checks import check_prompt
from sspo.config.reward_sum import check_options, weights
from sspo.errors import NoEffect, UserError, shown, unknown

MOST_ROLE_BYTES = 32
"""Room for blanks and asterisks around a role in the bytes that rule 'turn' reads after a line break."""
MIN_CPU_SECONDS, MIN_MEMORY_MB, MAX_WORKERS = 0.05, 64, 64
"""Limits of graders: less time is below the resolution of process clocks, less memory than an ordinary answer needs."""


def validate(config: TrainConfig) -> TrainConfig:
    """Return the config itself; raise UserError in one sentence for the first invalid value."""
    _check_choices(config)
    _check_counts(config)
    _check_numbers(config)
    _check_lora(config.model)
    _check_lean(config)
    check_backend(config)
    check_engine(config)
    check_prompt(config.prompt)
    check_segmentation(config.segmentation)
    check_objective(config.objective)
    _check_rollout(config)
    size = config.rollout.prompts * config.rollout.responses
    if size % config.trainer.minibatch == 0:
        _check_target(config, updates=size // config.trainer.minibatch * config.trainer.epochs)
    else:
        raise UserError(
            f"trainer.minibatch={config.trainer.minibatch} does not divide the rollout of {size} responses "
            f"(rollout.prompts * rollout.responses); the nearest divisor is {_nearest_divisor(size, config.trainer.minibatch)}"
        )
    return config


def _check_choices(config: TrainConfig) -> None:
    objective = config.objective
    table.check("task", config.task.name, TASK_NAMES)
    table.check("reward", config.reward.name, REWARD_NAMES)
    table.check("term", objective.term, HOUSE_TERMS)
    for key, value, choices in (
        ("objective.advantage", objective.advantage, ADVANTAGES),
        ("objective.ratio", objective.ratio, RATIOS),
        ("objective.pooling", objective.pooling, POOLINGS),
        ("objective.bounds.adapt", objective.bounds.adapt, ADAPTATIONS),
        ("objective.bounds.entropy_level", objective.bounds.entropy_level, ENTROPY_LEVELS),
        ("objective.bounds.side", objective.bounds.side, SIDES),
        ("objective.bounds.target_control", objective.bounds.target_control, TARGET_CONTROLS),
        ("objective.aggregation", objective.aggregation, AGGREGATIONS),
        ("objective.kl.estimator", objective.kl.estimator, KL_ESTIMATORS),
        ("tracking.mode", config.tracking.mode, TRACKING_MODES),
        ("evaluation.stream", config.evaluation.stream, STREAMS),
        ("run.device", config.run.device, DEVICES),
        ("model.precision", config.model.precision, PRECISIONS),
        ("model.attention", config.model.attention, ATTENTIONS),
        ("rollout.engine", config.rollout.engine, ENGINES),
        ("rollout.decode", config.rollout.decode, DECODES),
        ("trainer.backend", config.trainer.backend, BACKENDS),
        ("trainer.forward", config.trainer.forward, FORWARDS),
        ("trainer.logits", config.trainer.logits, LOGITS),
        ("trainer.old_logp", config.trainer.old_logp, OLD_LOGPS),
        ("trainer.optimizer", config.trainer.optimizer, OPTIMIZERS),
    ):
        if value not in choices:
            raise unknown(key, value, choices)


def _check_counts(config: TrainConfig) -> None:
    rollout, trainer, evaluation = config.rollout, config.trainer, config.evaluation
    for key, value, least in (
        ("seed", config.seed, 0),
        ("rollout.prompts", rollout.prompts, 1),
        ("rollout.responses", rollout.responses, 1),
        ("rollout.max_tokens", rollout.max_tokens, 1),
        ("rollout.resample", rollout.resample, 0),
        ("reward.overlong_buffer", config.reward.overlong_buffer, 0),
        ("reward.memory_mb", config.reward.memory_mb, MIN_MEMORY_MB),
        ("reward.second", config.reward.second, 0),
        ("reward.workers", config.reward.workers, 1),
        ("trainer.rollouts", trainer.rollouts, 0),
        ("trainer.minibatch", trainer.minibatch, 1),
        ("trainer.epochs", trainer.epochs, 1),
        ("trainer.warmup_steps", trainer.warmup_steps, 0),
        ("trainer.micro_batch_tokens", trainer.micro_batch_tokens, 1),
        ("trainer.checkpoint_every", trainer.checkpoint_every, 0),
        ("trainer.samples_every", trainer.samples_every, 0),
        ("trainer.record", trainer.record, 0),
        ("trainer.warn_after", trainer.warn_after, 0),
        ("evaluation.questions", evaluation.questions, 1),
        ("evaluation.samples", evaluation.samples, 1),
        ("evaluation.max_tokens", evaluation.max_tokens, 1),
        ("evaluation.top_k", evaluation.top_k, 0),
        ("evaluation.every", evaluation.every, 0),
        ("evaluation.curve_questions", evaluation.curve_questions, 1),
        ("evaluation.batch", evaluation.batch, 1),
        ("run.threads", config.run.threads, 1),
        ("run.gpus", config.run.gpus, 1),
        ("run.nodes", config.run.nodes, 1),
        ("run.prompt_tokens", config.run.prompt_tokens, 1),
        ("run.checkpoints_kept", config.run.checkpoints_kept, 1),
    ):
        if value < least:
            raise UserError(f"{key} must be at least {least}, got {value}")


def check_segmentation(segmentation: SegmentationConfig) -> None:
    """Raise UserError for the first invalid option of segmentation."""
    for key in ("rule", "random_like", "fixed_like"):
        value = getattr(segmentation, key)
        if value is None:
            continue
        table.check("rule", value, RULES, f"segmentation.{key}")
        if key != "rule" and value in ("random", key.removesuffix("_like")):
            raise UserError(
                f"segmentation.{key} must name a rule other than '{value}' whose lengths are to be "
                f"{'shuffled' if key == 'random_like' else 'matched'}"
            )
    least, most = segmentation.min_tokens, segmentation.max_tokens
    for key, count in (("fixed_tokens", segmentation.fixed_tokens), ("min_tokens", least)):
        if count < 1:
            raise UserError(f"segmentation.{key} must be at least 1, got {count}")
    if most is not None and most < 2 * least - 1:
        raise UserError(
            f"segmentation.max_tokens must be at least 2 * min_tokens - 1 = {2 * least - 1}, so that both halves of a "
            f"split segment have at least min_tokens, got {most}"
        )
    if not 0 <= segmentation.entropy_quantile <= 1:
        raise UserError(
            f"segmentation.entropy_quantile must be in [0, 1], got {segmentation.entropy_quantile}"
        )
    _check_groups(segmentation)
    _check_roles(segmentation.roles)
    names = rules_in_use(segmentation)
    check_pattern(segmentation.pattern, "regex" in names or not set(names) <= set(RULES))


def _check_groups(segmentation: SegmentationConfig) -> None:
    share, over = segmentation.entropy_share, segmentation.entropy_over
    if not 0 < share < 1:
        raise UserError(f"segmentation.entropy_share must be above 0 and below 1, got {share}")
    if over not in ENTROPY_OVER:
        raise unknown("segmentation.entropy_over", over, ENTROPY_OVER)
    limits = ("min_tokens", "max_tokens")
    given = [key for key in limits if getattr(segmentation, key) != getattr(SegmentationConfig(), key)]
    if given and (grouped := group_rules_in_use(segmentation)):
        raise UserError(
            f"segmentation.{given[0]} has no meaning for rule '{grouped[0]}', whose segments are groups of tokens that need not be "
            f"neighbors: leave it out, or choose a rule that cuts"
        )


def _check_roles(roles: tuple[str, ...]) -> None:
    for role in roles:
        if (
            not role.strip()
            or role != role.strip()
            or len(role.encode()) > MOST_ROLE_BYTES
            or set(role) & set("\n:：*")
        ):
            raise UserError(
                f"segmentation.roles must name words of at most {MOST_ROLE_BYTES} bytes without blanks around them, and without line "
                f"breaks, colons or asterisks in them, got {shown(role)}"
            )
    if len(set(roles)) < len(roles):
        raise UserError(f"segmentation.roles must name different words, got {list(roles)}")


def _check_numbers(config: TrainConfig) -> None:
    rollout, trainer, evaluation = config.rollout, config.trainer, config.evaluation
    for name, number in (("trainer.lr", trainer.lr), ("trainer.max_grad_norm", trainer.max_grad_norm)):
        if not 0 < number < float("inf"):
            raise UserError(f"{name} must be a positive finite number, got {number}")
    if trainer.lr > MAX_LR:
        raise UserError(
            f"trainer.lr must be at most {MAX_LR:g}, because AdamW moves every weight by about that much per step, got {trainer.lr:g}; "
            f"the default is {TrainConfig().trainer.lr:g}"
        )
    for name, number in (("trainer.beta1", trainer.beta1), ("trainer.beta2", trainer.beta2)):
        if not 0 <= number < 1:
            raise UserError(f"{name} must be in [0, 1), got {number}")
    if not 0 <= trainer.weight_decay < float("inf"):
        raise UserError(
            f"trainer.weight_decay must be a finite number of at least 0, got {trainer.weight_decay}"
        )
    temperatures = evaluation.temperatures
    if len(set(temperatures)) < len(temperatures):
        raise UserError(f"evaluation.temperatures must name different numbers, got {list(temperatures)}")
    if not 0 < evaluation.top_p <= 1:
        raise UserError(f"evaluation.top_p must be in (0, 1], got {evaluation.top_p}; 1 is the whole softmax")
    for name, number in (
        ("rollout.temperature", rollout.temperature),
        *(("evaluation.temperatures", t) for t in temperatures),
    ):
        if not MIN_TEMPERATURE <= number < float("inf"):
            raise UserError(
                f"{name} must be a finite number of at least {MIN_TEMPERATURE}, got {number}; greedy decoding is always scored"
            )


def _check_lean(config: TrainConfig) -> None:
    lean = [
        key
        for key, value in (
            ("rollout.decode", config.rollout.decode),
            ("trainer.forward", config.trainer.forward),
        )
        if value == "lean"
    ]
    if lean and config.model.attention not in OF_LEAN:
        raise UserError(
            f"{lean[0]}=lean has an attention of its own, so model.attention={config.model.attention} would have no effect: set "
            f"{lean[0]}=plain, or model.attention=auto"
        )


def _check_lora(model: ModelConfig) -> None:
    lora = model.lora
    if lora.rank < 0:
        raise UserError(f"model.lora.rank must be at least 0, which trains every weight, got {lora.rank}")
    if not 0 < lora.alpha < float("inf"):
        raise UserError(f"model.lora.alpha must be a positive finite number, got {lora.alpha}")
    if not all(lora.targets) or len(set(lora.targets)) < len(lora.targets):
        raise UserError(
            f"model.lora.targets must name different layers, such as [q_proj,v_proj], got {list(lora.targets)}"
        )
    idle = [name for name in ("alpha", "targets") if getattr(lora, name) != getattr(LoraConfig(), name)]
    if idle and not lora.rank:
        raise NoEffect(
            f"model.lora.{idle[-1]}",
            f"model.lora.{idle[-1]} has no effect with model.lora.rank=0, which trains every weight: set a rank",
        )


def _check_rollout(config: TrainConfig) -> None:
    """Check DAPO's options of the rollout and the reward."""
    rollout, reward = config.rollout, config.reward
    if rollout.resample and rollout.responses == 1:
        raise UserError(
            f"rollout.resample={rollout.resample} selects prompts whose responses score unequally, but rollout.responses=1 has "
            "none: raise rollout.responses"
        )
    if not all(rollout.stop) or len(set(rollout.stop)) < len(rollout.stop):
        raise UserError(
            f"rollout.stop must name different texts of at least one character, got {list(rollout.stop)}"
        )
    if reward.overlong_buffer >= rollout.max_tokens:
        raise UserError(
            f"reward.overlong_buffer must be below rollout.max_tokens={rollout.max_tokens}, got {reward.overlong_buffer}"
        )
    if not 0 < reward.overlong_penalty < float("inf"):
        raise UserError(
            f"reward.overlong_penalty must be a positive finite number, got {reward.overlong_penalty}; "
            "reward.overlong_buffer=0 means no penalty"
        )
    for name in config.objective.sampler_caps:
        if config.trainer.old_logp == "sampler":
            raise UserError(
                f"objective.{name} weighs the trainer's probabilities by the sampler's, but trainer.old_logp=sampler uses the "
                f"sampler's for both: set trainer.old_logp=trainer, or leave {name} null"
            )
    weights(reward)
    check_options(reward)
    if not MIN_CPU_SECONDS <= reward.cpu_seconds < float("inf"):
        raise UserError(
            f"reward.cpu_seconds must be a finite number of at least {MIN_CPU_SECONDS}, got {reward.cpu_seconds}; "
            f"the default is {TrainConfig().reward.cpu_seconds:g}"
        )
    if reward.workers > MAX_WORKERS:
        raise UserError(f"reward.workers must be at most {MAX_WORKERS}, got {reward.workers}")


def _check_target(config: TrainConfig, updates: int) -> None:
    """Check that a controller of the clip fraction has an effect and stays inside its range."""
    objective, bounds = config.objective, config.objective.bounds
    target, (least, most) = (
        bounds.target_clip_frac,
        _pair("objective.bounds.target_range", bounds.target_range),
    )
    if target is None:
        if bounds.target_control != PROPORTIONAL:
            raise NoEffect(
                "objective.bounds.target_control",
                f"objective.bounds.target_control={bounds.target_control} has no effect without objective.bounds.target_clip_frac: set "
                f"the clip fraction to hold, or leave target_control at {PROPORTIONAL}",
            )
        return
    unmatched = why_unmatched(objective)
    if unmatched is not None:
        raise UserError(
            f"objective.bounds.target_clip_frac: this objective has no matched form, because {unmatched}; match arms of term ppo, "
            "or leave the target null"
        )
    if not 0 < target < 0.5:
        raise UserError(
            f"objective.bounds.target_clip_frac must be in (0, 0.5): about half of the tokens move away from their clip, got {target}"
        )
    if updates < 2:
        raise UserError(
            "objective.bounds.target_clip_frac needs at least two optimizer steps per rollout, because ratios are 1 in the first: "
            "lower trainer.minibatch or raise trainer.epochs"
        )
    if not 0 < bounds.target_gain <= 2:
        raise UserError(f"objective.bounds.target_gain must be in (0, 2], got {bounds.target_gain}")
    for key, value in (("low", objective.clip.low), ("high", objective.clip.high)):
        if not 0 < least <= value <= most:
            raise UserError(
                f"objective.clip.{key}={value} must lie inside objective.bounds.target_range, which is [{least}, {most}] (above 0)"
            )


def _pair(key: str, values: tuple[float, ...]) -> tuple[float, float]:
    if len(values) != 2 or not values[0] < values[1]:
        raise UserError(f"{key} must be two numbers, the smaller one first, got {list(values)}")
    return values[0], values[1]


def _nearest_divisor(size: int, wanted: int) -> int:
    divisors = [d for d in range(1, size + 1) if size % d == 0]
    return min(divisors, key=lambda d: abs(d - wanted))

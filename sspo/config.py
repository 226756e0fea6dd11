"""Every option of a training run: its type, its default and its bounds, once.

`build` turns a plain mapping into frozen dataclasses and refuses unknown keys and wrong types; `validate` refuses
values that make no sense. Both speak in one sentence that names the key. YAML under conf/ holds differences only.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sspo.errors import UserError, unknown

ADVANTAGES = ("group_norm", "group_mean")
RATIOS = ("token", "segment", "response")
TERMS = ("ppo", "unclipped")
ADAPTATIONS = ("none", "tanh", "linear")
ENTROPY_LEVELS = ("token", "segment")
SIDES = ("both", "high", "low")
AGGREGATIONS = ("response_mean", "token_mean", "constant", "segment_mean")
RULES = ("token", "response", "subsentence", "sentence", "fixed", "random")
TASK_NAMES = ("chain",)
REWARD_NAMES = ("exact_answer",)
TRACKING_MODES = ("none", "wandb_offline", "wandb_online")
DEVICES = ("auto", "cpu", "cuda")
EMBEDDED = "embedded"


@dataclass(frozen=True, kw_only=True)
class TaskConfig:
    """Where problems come from."""

    name: str = "chain"


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The base policy."""

    path: str = EMBEDDED
    """'embedded', or a folder with a Hugging Face causal language model and its tokenizer."""


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """How responses are sampled."""

    prompts: int = 16
    responses: int = 16
    """Responses a prompt; advantages are relative to this group."""
    max_tokens: int = 112
    """Token limit of a response; what reaches it is truncated."""
    temperature: float = 1.0
    """Sampling temperature, also that of log-probabilities, entropies and ratios."""


@dataclass(frozen=True, kw_only=True)
class RewardConfig:
    """How a response is scored."""

    name: str = "exact_answer"


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig:
    """Where a response is cut."""

    rule: str = "subsentence"
    fixed_tokens: int = 8
    """Tokens a segment of rule 'fixed'."""
    random_like: str = "subsentence"
    """The rule whose segment lengths rule 'random' shuffles."""
    min_tokens: int = 1
    """Segments shorter than this are merged into the next one."""
    protect_numbers: bool = True
    """No cut at a decimal point or thousands comma between digits."""


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """Clip bounds on the importance ratio: it is held inside [1 - low, 1 + high]."""

    low: float = 0.2
    high: float = 0.2


@dataclass(frozen=True, kw_only=True)
class BoundsConfig:
    """How clip bounds follow entropy: low * g and high * g with g of token-weighted mean one."""

    adapt: str = "none"
    alpha: float = 0.0
    """Strength in (-1, 1): positive widens bounds where entropy is high, negative reverses, 0 is a fixed clip."""
    entropy_level: str = "segment"
    side: str = "both"


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """One point of advantage x ratio level x clip bounds x clip term x aggregation."""

    name: str = "sspo"
    paper: str = ""
    """arXiv id that the row follows."""
    advantage: str = "group_norm"
    ratio: str = "segment"
    term: str = "ppo"
    clip: ClipConfig = field(default_factory=ClipConfig)
    bounds: BoundsConfig = field(default_factory=BoundsConfig)
    aggregation: str = "response_mean"


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """The order and size of optimiser steps."""

    rollouts: int = 20
    """Rollouts of the run; 0 evaluates the untrained base."""
    minibatch: int = 32
    """Responses an optimiser step; rollout.prompts * rollout.responses / minibatch steps an epoch."""
    epochs: int = 1
    """Passes over each rollout."""
    lr: float = 2e-4
    warmup_steps: int = 0
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    micro_batch_tokens: int = 8192
    """Padded prompt and response tokens of one forward pass; memory only, never the objective."""
    checkpoint_every: int = 8
    """Rollouts between checkpoints; 0 keeps the final one alone."""
    samples_every: int = 8
    """Rollouts between logged sample responses; 0 logs none."""


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig:
    """Held-out scoring: the same questions and sampling seeds for every arm and every seed."""

    questions: int = 100
    """Questions a set at the last step."""
    samples: int = 4
    """Sampled responses a question: the k of avg@k."""
    temperatures: tuple[float, ...] = (1.0,)
    """Sampling temperatures; greedy decoding is always scored as well."""
    max_tokens: int = 160
    every: int = 5
    """Rollouts between the smaller evaluations behind accuracy curves; 0 for none."""
    curve_questions: int = 32
    """Questions a set in those, one sample each at temperature 1."""
    batch: int = 1024
    """Responses sampled at once; sampling numbers are drawn a batch, so it belongs to the measurement."""


@dataclass(frozen=True, kw_only=True)
class TrackingConfig:
    """A mirror of the logs in Weights & Biases; the run folder stays the source of truth."""

    mode: str = "wandb_offline"
    project: str = "sspo"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Where and how a run executes; no part of a cell's identity."""

    store: str = "runs"
    device: str = "auto"
    threads: int = 1
    study: str = ""
    arm: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A whole run."""

    seed: int = 0
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    reward: RewardConfig = field(default_factory=RewardConfig)
    segmentation: SegmentationConfig = field(default_factory=SegmentationConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    run: RunConfig = field(default_factory=RunConfig)


Config = TypeVar("Config")


def build(schema: type[Config], values: Mapping[str, Any], where: str = "") -> Config:
    """A frozen `schema` from a plain mapping; a UserError names the offending key."""
    hints = typing.get_type_hints(schema)
    names = [f.name for f in dataclasses.fields(schema)]  # type: ignore[arg-type]
    for key in values:
        if key not in names:
            raise unknown("key", f"{where}{key}", [f"{where}{name}" for name in names])
    return schema(**{key: _coerce(hints[key], value, where + key) for key, value in values.items()})


def _coerce(hint: Any, value: Any, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise UserError(f"{key} is a group of options, got {value!r}")
        return build(typing.cast(type, hint), value, key + ".")
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise UserError(f"{key} must be a list, got {value!r}")
        return tuple(_coerce(typing.get_args(hint)[0], item, key) for item in value)
    if isinstance(hint, types.UnionType):
        inner = next(a for a in typing.get_args(hint) if a is not type(None))
        return None if value is None else _coerce(inner, value, key)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise UserError(f"{key} must be of type {hint.__name__}, got {value!r}")
    return value


def validate(config: TrainConfig) -> TrainConfig:
    """The config itself, or a UserError in one sentence for the first value that makes no sense."""
    _check_choices(config)
    _check_sizes(config)
    _check_objective(config.objective)
    size = config.rollout.prompts * config.rollout.responses
    if size % config.trainer.minibatch:
        raise UserError(
            f"trainer.minibatch={config.trainer.minibatch} does not divide the rollout of {size} responses "
            f"(rollout.prompts * rollout.responses); the nearest divisor is {_nearest_divisor(size, config.trainer.minibatch)}"
        )
    return config


def _check_choices(config: TrainConfig) -> None:
    objective, segmentation = config.objective, config.segmentation
    for key, value, choices in (
        ("task.name", config.task.name, TASK_NAMES),
        ("reward.name", config.reward.name, REWARD_NAMES),
        ("segmentation.rule", segmentation.rule, RULES),
        ("segmentation.random_like", segmentation.random_like, RULES),
        ("objective.advantage", objective.advantage, ADVANTAGES),
        ("objective.ratio", objective.ratio, RATIOS),
        ("objective.term", objective.term, TERMS),
        ("objective.bounds.adapt", objective.bounds.adapt, ADAPTATIONS),
        ("objective.bounds.entropy_level", objective.bounds.entropy_level, ENTROPY_LEVELS),
        ("objective.bounds.side", objective.bounds.side, SIDES),
        ("objective.aggregation", objective.aggregation, AGGREGATIONS),
        ("tracking.mode", config.tracking.mode, TRACKING_MODES),
        ("run.device", config.run.device, DEVICES),
    ):
        if value not in choices:
            raise unknown(key, value, choices)
    if segmentation.random_like == "random":
        raise UserError(
            "segmentation.random_like must name a rule other than 'random' whose lengths are to be shuffled"
        )


def _check_sizes(config: TrainConfig) -> None:
    rollout, trainer, evaluation = config.rollout, config.trainer, config.evaluation
    for key, value, least in (
        ("seed", config.seed, 0),
        ("rollout.prompts", rollout.prompts, 1),
        ("rollout.responses", rollout.responses, 1),
        ("rollout.max_tokens", rollout.max_tokens, 1),
        ("segmentation.fixed_tokens", config.segmentation.fixed_tokens, 1),
        ("segmentation.min_tokens", config.segmentation.min_tokens, 1),
        ("trainer.rollouts", trainer.rollouts, 0),
        ("trainer.minibatch", trainer.minibatch, 1),
        ("trainer.epochs", trainer.epochs, 1),
        ("trainer.warmup_steps", trainer.warmup_steps, 0),
        ("trainer.micro_batch_tokens", trainer.micro_batch_tokens, 1),
        ("trainer.checkpoint_every", trainer.checkpoint_every, 0),
        ("trainer.samples_every", trainer.samples_every, 0),
        ("evaluation.questions", evaluation.questions, 1),
        ("evaluation.samples", evaluation.samples, 1),
        ("evaluation.max_tokens", evaluation.max_tokens, 1),
        ("evaluation.every", evaluation.every, 0),
        ("evaluation.curve_questions", evaluation.curve_questions, 1),
        ("evaluation.batch", evaluation.batch, 1),
        ("run.threads", config.run.threads, 1),
    ):
        if value < least:
            raise UserError(f"{key} must be at least {least}, got {value}")
    positive: list[tuple[str, float]] = [
        ("rollout.temperature", rollout.temperature),
        ("trainer.lr", trainer.lr),
        ("trainer.max_grad_norm", trainer.max_grad_norm),
    ]
    positive += [("evaluation.temperatures", value) for value in evaluation.temperatures]
    for name, number in positive:
        if not 0 < number < float("inf"):
            raise UserError(f"{name} must be a positive finite number, got {number}")
    for name, number in (("trainer.beta1", trainer.beta1), ("trainer.beta2", trainer.beta2)):
        if not 0 <= number < 1:
            raise UserError(f"{name} must be in [0, 1), got {number}")
    if not trainer.weight_decay >= 0:
        raise UserError(f"trainer.weight_decay must be at least 0, got {trainer.weight_decay}")


def _check_objective(objective: ObjectiveConfig) -> None:
    clip, bounds = objective.clip, objective.bounds
    if not 0 < clip.low < 1:
        raise UserError(
            f"objective.clip.low must be in (0, 1): the ratio's lower bound is 1 - low, got {clip.low}"
        )
    if not 0 < clip.high < float("inf"):
        raise UserError(f"objective.clip.high must be a positive finite number, got {clip.high}")
    if not -1 < bounds.alpha < 1:
        raise UserError(f"objective.bounds.alpha must be in (-1, 1), got {bounds.alpha}")
    if bounds.adapt == "none" and bounds.alpha != 0:
        raise UserError(
            f"objective.bounds.alpha={bounds.alpha} has no effect while objective.bounds.adapt is 'none': "
            "set objective.bounds.adapt=tanh, or alpha to 0"
        )
    widest = (1 + abs(bounds.alpha)) / (1 - abs(bounds.alpha))
    if bounds.side != "high" and clip.low * widest >= 1:
        raise UserError(
            f"objective.clip.low={clip.low} with objective.bounds.alpha={bounds.alpha} can widen to "
            f"{clip.low * widest:.2f}, a lower bound of zero or less: keep clip.low below {1 / widest:.2f}"
        )


def _nearest_divisor(size: int, wanted: int) -> int:
    divisors = [d for d in range(1, size + 1) if size % d == 0]
    return min(divisors, key=lambda d: abs(d - wanted))

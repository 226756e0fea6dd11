"""Every option with its type, default, choices and meaning: what `sspo train --help` and docs/options.md print.

Meanings are the docstrings below the fields of sspo/config/schema.py and objective_schema.py. MEANINGS has those that a
field's name makes plain there, and whole sentences for docstrings that go on with the one above them.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sspo.config import choices, fitted, schema
from sspo.config.build import KINDS

TOP = ""
"""The group of options that stand in no group, as `seed`."""
CONTINUED = "..."
"""The beginning of a docstring that goes on with the one above it."""
MEANINGS: Mapping[str, str] = {
    "seed": "Seed of every random stream of the run.",
    "task.name": "The task: where problems and their right answers come from.",
    "task.answer": "The column of a JSON Lines file that holds the right answer, or a list of answers that are equally right.",
    "task.id": "The column of a JSON Lines file that names a question; without it, questions are named by their line.",
    "rollout.prompts": "Prompts per rollout.",
    "reward.name": "The reward that scores a response.",
    "reward.memory_mb": "Reward 'math_verify': MiB of memory that a grader may take.",
    "reward.second": "Reward 'math_verify': answers of each rollout and evaluation batch that a second grader checks; 0 for none.",
    "reward.workers": "Reward 'math_verify': processes that grade at once; no part of a cell's identity.",
    "objective.name": "The name of the objective in logs and reports; `objective=NAME` sets it with every choice of its row.",
    "objective.advantage": "The baseline and scale of advantages within a group of responses.",
    "objective.ratio": "The level of the importance ratio: one per token, per segment, per response, or per prefix of the response.",
    "objective.term": "The clip term of the loss.",
    "objective.aggregation": "The order in which token losses are averaged.",
    "objective.clip.low": "Distance of the lower clip bound from ratio 1.",
    "objective.clip.high": "Distance of the upper clip bound from ratio 1.",
    "objective.bounds.adapt": "The rule that gives each token its own clip bounds, by entropy or otherwise; none keeps them fixed.",
    "objective.bounds.side": "The bounds that follow entropy: both, or the upper or the lower one alone.",
    "objective.tau.positive": "Term 'sapo': temperature of tokens with a positive advantage.",
    "objective.tau.negative": "Term 'sapo': temperature of tokens with a negative advantage.",
    "objective.kernel.power_positive": "Term 'vespo': power of the ratio if A is not negative.",
    "objective.kernel.decay_positive": "Term 'vespo': exponential decay in the ratio if A is not negative.",
    "objective.kernel.power_negative": "Term 'vespo': power of the ratio if A is negative.",
    "objective.kernel.decay_negative": "Term 'vespo': exponential decay in the ratio if A is negative.",
    "objective.kept.low": "Term 'ce_gppo': gradient beyond the lower bound, as a multiple of that at the bound.",
    "objective.kept.high": "Term 'ce_gppo': gradient beyond the upper bound, as a multiple of that at the bound.",
    "objective.kl.estimator": "The estimator of the divergence from the base model.",
    "trainer.lr": "Learning rate of AdamW.",
    "trainer.warmup_steps": "Optimizer steps over which the learning rate rises linearly from 0.",
    "trainer.beta1": "AdamW's decay of the mean gradient.",
    "trainer.beta2": "AdamW's decay of the mean squared gradient.",
    "trainer.weight_decay": "AdamW's weight decay.",
    "trainer.max_grad_norm": "Gradient norm above which gradients are scaled down.",
    "evaluation.top_k": "Sampled answers are drawn from this many of the likeliest tokens; 0 is all of them.",
    "evaluation.max_tokens": "Token limit of an answer.",
    "tracking.mode": "The mirror of the logs: none, a W&B run on disk, or one that is uploaded.",
    "tracking.project": "The W&B project of the mirror.",
    "run.store": "The folder of all runs.",
    "run.device": "The device of the trainer; auto takes a CUDA device if there is one.",
    "run.threads": "Processor threads of the run.",
    "run.study": "The study that the run belongs to; a sweep sets it.",
    "run.arm": "The arm that the run belongs to; a sweep sets it.",
}


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a run."""

    key: str
    type: str
    """A whole number, a number, text, true or false; or a list of them."""
    nullable: bool
    default: Any
    fitted: Any = None
    """The default for models that are not embedded; None if it is the same."""
    meaning: str
    choices: Sequence[str] = ()
    """The names that it accepts, in the order in which messages list them."""
    open: bool = False
    """True if it accepts other values too, such as a user's own file."""

    @property
    def group(self) -> str:
        """The first part of its key; TOP if it has no other."""
        return self.key.partition(".")[0] if "." in self.key else TOP


@functools.cache
def options() -> tuple[Option, ...]:
    """Return every option in the order of the schema."""
    return tuple(_options_of(schema.TrainConfig, ""))


def groups() -> Mapping[str, str]:
    """Return the meaning of every group of options, by its name."""
    hints = typing.get_type_hints(schema.TrainConfig)
    return {
        name: inspect.cleandoc(hint.__doc__ or "")
        for name, hint in hints.items()
        if dataclasses.is_dataclass(hint)
    }


def shown_value(value: Any) -> str:
    """Return a default as a command line has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{','.join(map(shown_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value) or "''"


def _options_of(config: type, prefix: str) -> Iterator[Option]:
    hints, said = typing.get_type_hints(config), _docstrings(config)
    for field in dataclasses.fields(config):
        key, hint = f"{prefix}{field.name}", hints[field.name]
        if dataclasses.is_dataclass(hint):
            yield from _options_of(typing.cast(type, hint), f"{key}.")
            continue
        kind, nullable = _kind(hint)
        own = said.get(field.name, CONTINUED)
        names, is_open = _choices().get(key, ((), False))
        yield Option(
            key=key,
            type=kind,
            nullable=nullable,
            default=field.default,
            fitted=_fitted(key),
            meaning=MEANINGS.get(key, own) if own.startswith(CONTINUED) else own,
            choices=tuple(names),
            open=is_open,
        )


def _fitted(key: str) -> Any:
    group, _, name = key.partition(".")
    if group in fitted.OF_OTHERS and name == fitted.LENGTH and name in fitted.names_in(group):
        return f"that of rollout.{name}"
    return fitted.OF_OTHERS.get(group, {}).get(name)


def _kind(hint: Any) -> tuple[str, bool]:
    """Return the type of a field in words, and whether it may be null."""
    if isinstance(hint, types.UnionType):
        return _kind(next(part for part in typing.get_args(hint) if part is not type(None)))[0], True
    if typing.get_origin(hint) is tuple:
        inner = KINDS[typing.get_args(hint)[0]]
        return f"a list of {inner.removeprefix('a ')}" + ("s" if inner.startswith("a ") else ""), False
    return KINDS[hint], False


def _docstrings(config: type) -> dict[str, str]:
    """Return the docstrings below the fields of a dataclass, by field."""
    (body,) = ast.parse(inspect.getsource(config)).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: text
        for field, below in itertools.pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and (text := _text(below))
    }


def _text(node: ast.stmt) -> str:
    """Return the text of a docstring in one line; "" for anything else."""
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ):
        return " ".join(node.value.value.split())
    return ""


def _choices() -> Mapping[str, tuple[Sequence[str], bool]]:
    """Return the names that options take, and whether they take others beside them."""
    closed = {
        "rollout.engine": schema.ENGINES,
        "rollout.decode": schema.DECODES,
        "objective.advantage": choices.ADVANTAGES,
        "objective.ratio": choices.RATIOS,
        "objective.pooling": choices.POOLINGS,
        "objective.bounds.adapt": tuple(choices.ADAPTATIONS),
        "objective.bounds.entropy_level": choices.ENTROPY_LEVELS,
        "objective.bounds.side": choices.SIDES,
        "objective.bounds.target_control": choices.TARGET_CONTROLS,
        "objective.aggregation": choices.AGGREGATIONS,
        "objective.kl.estimator": choices.KL_ESTIMATORS,
        "segmentation.entropy_over": schema.ENTROPY_OVER,
        "tracking.mode": schema.TRACKING_MODES,
        "evaluation.stream": schema.STREAMS,
        "run.device": schema.DEVICES,
        "model.precision": schema.PRECISIONS,
        "model.attention": schema.ATTENTIONS,
        "trainer.backend": schema.BACKENDS,
        "trainer.forward": schema.FORWARDS,
        "trainer.logits": schema.LOGITS,
        "trainer.old_logp": schema.OLD_LOGPS,
        "trainer.optimizer": schema.OPTIMIZERS,
    }
    with_own = {
        "task.name": schema.TASK_NAMES,
        "prompt.template": schema.TEMPLATE_NAMES,
        "model.path": schema.EMBEDDED_BASES,
        "reward.name": schema.REWARD_NAMES,
        "objective.term": tuple(choices.TERMS),
        "segmentation.rule": schema.RULES,
        "segmentation.random_like": schema.RULES,
        "segmentation.fixed_like": schema.RULES,
    }
    return {key: (names, False) for key, names in closed.items()} | {
        key: (names, True) for key, names in with_own.items()
    }

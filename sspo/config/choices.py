"""The choices on every axis of an objective: each has its functions under sspo/objective, by these names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from sspo.config.plugins.table import Plugin, PluginTable
from sspo.errors import UserError, unknown

Function = TypeVar("Function")

ADVANTAGES = ("group_norm", "group_mean", "leave_one_out", "whitened", "group_mean_whitened")
RATIOS = ("token", "segment", "response", "prefix")
POOLINGS = ("mean", "sum")
ENTROPY_LEVELS = ("token", "segment", "response")
SIDES = ("both", "high", "low")
PROPORTIONAL, INTEGRAL = "proportional", "integral"
TARGET_CONTROLS = (PROPORTIONAL, INTEGRAL)
AGGREGATIONS = (
    "response_mean",
    "token_mean",
    "group_token_mean",
    "constant",
    "segment_mean",
    "token_sum",
)
KL_ESTIMATORS = ("k1", "k2", "k3")


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """Properties of a rule for clip bounds outside the loss. Its function is in sspo/objective/bounds.py."""

    entropy: bool = False
    """True if bounds follow entropy, at bounds.entropy_level."""
    mean_one: bool = False
    """True if bounds are clip.low and clip.high times a g of token-weighted mean one, on bounds.side."""
    alpha: bool = False
    """True if bounds.alpha has an effect: the strength of the adaptation or, under 'sqrt' and 'position', an exponent."""
    positive: bool = False
    """True if bounds.alpha is in (0, 1], and not in (-1, 1)."""
    bounded: bool = False
    """True if factors are at most 1 + |alpha| and, with a mean that divides them, at least 1 - |alpha| before that."""
    multiples: bool = True
    """True if scaling clip.low and clip.high scales every token's bounds."""
    own_ratio: bool = False
    """True if bounds come from each token's own probability, so that the ratio must be the token's own."""
    in_logs: bool = False
    """True if clip.low, clip.high and clip.dual are distances of the log-ratio from 0, not of the ratio from 1."""
    groups: bool = False
    """True if bounds depend on the other responses to the same prompt, and on the ratio of clip.low to clip.high."""
    shares: bool = False
    """True if bounds are shares of clip.low and clip.high, which may then be above 1."""


ADAPTATIONS: Mapping[str, Adaptation] = {
    "none": Adaptation(),
    "tanh": Adaptation(entropy=True, mean_one=True, alpha=True, bounded=True),
    "linear": Adaptation(entropy=True, mean_one=True, alpha=True, bounded=True),
    "rank": Adaptation(entropy=True, mean_one=True, alpha=True, bounded=True),
    "shuffled": Adaptation(entropy=True, mean_one=True, alpha=True, bounded=True),
    "sqrt": Adaptation(entropy=True, mean_one=True, alpha=True),
    "hapo": Adaptation(entropy=True, alpha=True, positive=True, bounded=True),
    "espo": Adaptation(entropy=True, shares=True),
    "dcpo": Adaptation(multiples=False, own_ratio=True),
    "binary_tv": Adaptation(own_ratio=True),
    "binary_kl": Adaptation(multiples=False, own_ratio=True),
    "gapo": Adaptation(groups=True),
    "position": Adaptation(alpha=True, multiples=False, in_logs=True),
}
G_NAMES = tuple(name for name, facts in ADAPTATIONS.items() if facts.mean_one)
"""Adaptations that multiply clip.low and clip.high by a g of token-weighted mean one."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """Properties of a clip term outside the loss. Its function is in sspo/objective/clip.py."""

    clips: bool
    """True if its clip removes the gradient of the tokens that it clips."""
    bounds: bool = True
    """True if it uses the clip bounds."""
    in_logs: bool = False
    """True if clip.low and clip.high are distances of the log-ratio from 0, not of the ratio from 1."""
    matchable: bool = False
    """True if a bound can maintain its clip fraction: the tighter the bound, the more gradients the clip removes."""
    open_below: bool = False
    """True if clip.low = 1 means no lower bound."""
    tau: bool = False
    """True if objective.tau has an effect."""
    kernel: bool = False
    """True if objective.kernel has an effect."""
    kept: bool = False
    """True if objective.kept has an effect."""
    dual: bool = False
    """True if objective.clip.dual has an effect."""
    no_clip: bool = False
    """True if it has neither a clip nor a substitute, so that it is the reference for other terms' clips."""


HOUSE_TERMS: Mapping[str, Term] = {
    "ppo": Term(clips=True, matchable=True, dual=True),
    "masked": Term(clips=True, matchable=True),
    "unclipped": Term(clips=False, bounds=False, no_clip=True),
    "cispo": Term(clips=False, open_below=True),
    "ce_gppo": Term(clips=False, kept=True),
    "gmpo": Term(clips=True, in_logs=True),
    "sapo": Term(clips=False, bounds=False, tau=True),
    "vespo": Term(clips=False, bounds=False, kernel=True),
}
DECORATOR = "clip_term"
FACTS = tuple(one.name for one in fields(Term))


def clip_term(**facts: bool) -> Callable[[Function], Function]:
    """State the facts of a user's own clip term: `@clip_term(clips=True, matchable=True)`, fields of Term as literals.

    Planning reads them from the source, without running it.
    """
    Term(**facts)
    return lambda function: function


def _facts(plugin: Plugin) -> Term:
    """Return the facts in the decorator of a user's term. Raises UserError if it is missing or cannot be read."""
    said = f"{plugin.key}={plugin.name}"
    call = next(_decorators(plugin.tree(), plugin.attribute), None)
    if call is None:
        raise UserError(
            f"{said}: put @clip_term(clips=True) or @clip_term(clips=False) of sspo.objective.clip above the function, which "
            "states whether its clip removes gradients"
        )
    facts: dict[str, bool] = {}
    for keyword in call.keywords:
        if keyword.arg not in FACTS:
            raise unknown(f"fact in @clip_term of {said}", str(keyword.arg), FACTS)
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if not isinstance(value, bool):
            raise UserError(f"{said}: {keyword.arg} in @clip_term must be True or False, written out")
        facts[keyword.arg] = value
    if call.args or "clips" not in facts:
        raise UserError(f"{said}: @clip_term takes keywords and needs clips, such as @clip_term(clips=True)")
    return Term(**facts)


def _decorators(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    """Yield calls of clip_term, by that name or as an attribute, above the function of that name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for call in node.decorator_list:
                if isinstance(call, ast.Call):
                    called = getattr(call.func, "attr", getattr(call.func, "id", None))
                    if called == DECORATOR:
                        yield call


TERMS: Mapping[str, Term] = PluginTable("term", HOUSE_TERMS, _facts)


def term_of_record(name: object) -> Term | None:
    """Return the facts of a term that a log names, or None if the log names none, or a user's term whose source is
    missing.
    """
    try:
        return TERMS.get(str(name))
    except UserError:
        return None

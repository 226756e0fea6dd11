"""Segmentation rules of a replay: distinguished by the options that they read, with labels that name these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

from sspo.config import RULES, SegmentationConfig
from sspo.config.plugins.in_use import rules_in_use
from sspo.segmentation import OPTIONS

DEFAULT = SegmentationConfig()
LOOKED_AT = {"random": ("random_like",), **OPTIONS}
"""Options that only one rule reads."""


def in_use(rule: SegmentationConfig) -> SegmentationConfig:
    """Return the rule with the options that it does not read at their defaults. A user's own rule may read all of them."""
    names = rules_in_use(rule)
    if not set(names) <= set(RULES):
        return rule
    looked_at = {option for name in names for option in LOOKED_AT.get(name, ())}
    others = {option for options in LOOKED_AT.values() for option in options} - looked_at
    others |= {"fixed_tokens"} if rule.fixed_like is not None else set()
    return replace(rule, **{option: getattr(DEFAULT, option) for option in others})


def labels(rules: Iterable[SegmentationConfig]) -> Mapping[SegmentationConfig, str]:
    """Return a unique label for each rule of a replay.

    A rule's name alone is the label of the rule with its defaults, if it is the only one of that name: `random`, but
    `random of sentence`; `fixed 8` and `fixed like subsentence` if both occur. Options that no label shows follow if
    rules differ in them: `sentence (min_tokens=8)`.
    """
    different = list(dict.fromkeys(rules))
    names = Counter(rule.rule for rule in different)
    found = {
        rule: rule.rule if names[rule.rule] == 1 and _is_plain(rule) else _described(rule)
        for rule in different
    }
    alike = Counter(found.values())
    for label in [label for label, rules_of_it in alike.items() if rules_of_it > 1]:
        mine = [rule for rule in different if found[rule] == label]
        found |= {rule: f"{label} ({_differences(rule, mine)})" for rule in mine}
    return found


def _is_plain(rule: SegmentationConfig) -> bool:
    return _described(rule) == _described(replace(DEFAULT, rule=rule.rule))


def _described(rule: SegmentationConfig) -> str:
    if rule.rule == "fixed":
        return (
            f"fixed like {rule.fixed_like}" if rule.fixed_like is not None else f"fixed {rule.fixed_tokens}"
        )
    return f"random of {rule.random_like}" if rule.rule == "random" else rule.rule


def _differences(rule: SegmentationConfig, others: Sequence[SegmentationConfig]) -> str:
    options = [asdict(other) for other in others]
    return ", ".join(
        f"{key}={value}" for key, value in asdict(rule).items() if len({other[key] for other in options}) > 1
    )

"""Checks of a space, its sampler and its pruner; each refuses in one sentence before anything is composed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from sspo.compose.hydra_compose import GROUPS, option_keys
from sspo.config.build import KINDS
from sspo.errors import UserError, shown, unknown
from sweeps.study.refusals import at_least, check_resolvers, choose
from sweeps.study.space.domain import Choices, Parameter, admits
from sweeps.study.space.method import PRUNERS, SAMPLERS, WATCHED, Pruner, Sampler
from sweeps.study.space.options import option_type

FREE_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""Names of parameters that are no option themselves."""
NOT_SEARCHED = re.compile(r"(seed|run|tracking|task|evaluation|experiment|trainer\.record)\b")
"""Options of the replicate, the place of a run and its measurement: none is a choice that a score could justify."""


def check_key(where: str, key: str) -> None:
    """Raise UserError for a key that does not name an option or group, or that a search must not change."""
    known = option_keys()
    if key not in known:
        raise unknown(f"option in {where}", key, [name for name in known if not NOT_SEARCHED.match(name)])
    if NOT_SEARCHED.match(key):
        raise UserError(
            f"{where}: '{key}' cannot be searched: it sets the replicate, the place of a run or its measurement"
        )


def check_scales(key: str, options: Sequence[str], values: Mapping[str, object]) -> None:
    """Raise UserError unless a parameter has a free name and multiplies real numbers. `values` are its entries."""
    where = f"space.{key}"
    if key in option_keys() or not FREE_NAME.fullmatch(key):
        what = "the name of an option or group" if key in option_keys() else "no name of its own"
        raise UserError(
            f"{where} has scales and {what}: name it by lowercase letters, digits and '_', such as clip_scale"
        )
    if not options:
        raise UserError(f"{where}.scales must name one or more options that it multiplies")
    for other in ("choices", "also"):
        if other in values:
            raise UserError(
                f"{where} has scales and {other}: a factor is a range, low and high, and sets what it scales"
            )
    for option in options:
        check_key(f"{where}.scales", option)
        kind = None if option in GROUPS else option_type(option)
        if kind is not float:
            what = "a group" if kind is None else f"set to {KINDS.get(kind, 'a list')}"
            raise UserError(
                f"{where}.scales: '{option}' is {what}, and a factor multiplies options that are numbers"
            )


def check_sampler(sampler: Sampler) -> None:
    """Raise UserError for an unknown sampler or an option out of range."""
    choose("sampler.name", sampler.name, SAMPLERS)
    at_least("sampler.seed", sampler.seed, 0)
    at_least("sampler.startup", sampler.startup, 1)


def check_pruner(pruner: Pruner) -> None:
    """Raise UserError for an unknown pruner or an option out of range."""
    choose("pruner.name", pruner.name, PRUNERS)
    choose("pruner.watch", pruner.watch, WATCHED)
    at_least("pruner.startup", pruner.startup, 1)
    at_least("pruner.warmup", pruner.warmup, 0)
    at_least("pruner.reduction", pruner.reduction, 2)


def check_space(space: Sequence[Parameter]) -> None:
    """Raise UserError for the first invalid parameter."""
    owner: dict[str, str] = {}
    for index, parameter in enumerate(space):
        _check_domain(parameter)
        own = parameter.scales or (parameter.key, *parameter.also)
        for key in own:
            if owner.setdefault(key, parameter.key) != parameter.key or own.count(key) > 1:
                raise UserError(f"space.{parameter.key}: '{key}' is set twice; name each option once")
        earlier = {other.key: other for other in space[:index]}
        for condition in parameter.when:
            where = f"space.{parameter.key}.when"
            choose(f"parameter in {where} (declared above it)", condition.key, earlier)
            domain = earlier[condition.key].domain
            if not isinstance(domain, Choices):
                raise UserError(
                    f"{where}: '{condition.key}' has a range; a condition requires a parameter with choices"
                )
            for value in condition.values:
                if value not in domain.choices:
                    raise unknown(f"choice in {where}.{condition.key}", str(value), map(str, domain.choices))


def _check_domain(parameter: Parameter) -> None:
    where, domain = f"space.{parameter.key}", parameter.domain
    if isinstance(domain, Choices):
        for choice in domain.choices:
            check_resolvers(f"{where}.choices", str(choice))
        distinct = {(type(value), value) for value in domain.choices}
        if len(domain.choices) < 2 or len(distinct) < len(domain.choices):
            raise UserError(
                f"{where}.choices must hold two or more different values, got {shown(list(domain.choices))}"
            )
        return
    if not -math.inf < domain.low < domain.high < math.inf:
        raise UserError(
            f"{where}: low must be below high, both finite, got {domain.low:g} and {domain.high:g}"
        )
    if parameter.scales and domain.low <= 0:
        raise UserError(f"{where}: a factor must be above 0, got low {domain.low:g}")
    if domain.log and domain.low <= 0:
        raise UserError(f"{where}: a logarithmic range must start above 0, got low {domain.low:g}")
    if domain.log and domain.step is not None:
        raise UserError(f"{where} has log and step: leave one of them out")
    if domain.step is None:
        return
    if not 0 < domain.step <= domain.high - domain.low:
        raise UserError(
            f"{where}.step must be above 0 and at most high - low = {domain.high - domain.low:g}, got {domain.step:g}"
        )
    if not admits(domain, domain.high):
        raise UserError(f"{where}: high must lie a whole number of steps above low, got step {domain.step:g}")

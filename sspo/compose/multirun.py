"""`python -m sspo.train -m key=a,b ...`: every combination of the values, through Hydra's own multirun.

Words are checked here, before Hydra reads them, so that every error is one sentence. The sweeper plugin in
hydra_plugins/, which this package knows only by name, runs the combinations.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from decimal import Decimal

from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from sspo.compose.hydra_compose import GROUPS, choices, parse_overrides, register, with_own
from sspo.config.places import conf_roots
from sspo.errors import UserError, unknown

FLAGS = ("-m", "--multirun")
SWEEPER = "sspo"
PLUGIN = "hydra_plugins.sspo_sweeper.sspo_sweeper"
CHOICE = "hydra/sweeper"
LIMIT = 10_000
"""Maximum combinations of one multirun: a longer list is surely a mistake."""


def multirun(words: Sequence[str]) -> int:
    """Pass the words of a command line with -m to the sweeper plugin. Return its exit status; UserError in one
    sentence.
    """
    for word in words:
        if word.startswith("-"):
            raise UserError(
                f"'{word}' cannot be used with -m; to show what would run without running it, add hydra.sweeper.plan=true"
            )
    own = [word for word in words if word.startswith(("hydra.", "hydra/"))]
    combinations([word for word in words if word not in own])
    register()
    with initialize_config_dir(config_dir=str(conf_roots()[-1]), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        _check_plugin()
        _check_own(own)
    assert hydra is not None
    chosen = [_for_hydra(word) for word in words if not word.startswith(CHOICE)] + [
        f"{CHOICE}={SWEEPER}",
        "hydra.mode=MULTIRUN",
    ]
    try:
        status: int = hydra.multirun("config", _never_called, chosen, with_log_configuration=False)
    except (HydraException, OmegaConfBaseException) as error:
        why = " ".join(f"{error} {error.__cause__ or ''}".split())
        raise UserError(f"cannot start the multirun: {why}") from error
    return status


def _for_hydra(word: str) -> str:
    """The word as Hydra takes it. It looks a group's single choice up, and finds none for a row of a user's own; a list of
    choices, be it of one, is the sweeper's."""
    if word.startswith("hydra"):
        return word
    override = OverridesParser.create().parse_override(word)
    if override.is_sweep_override() or with_own([word], [override]) == [word]:
        return word
    key, _, value = word.partition("=")
    return f"{key}=choice({value})"


def combinations(overrides: Sequence[str]) -> list[tuple[str, ...]]:
    """Every choice of one value a key, in the order of the command line with the last key fastest; a later key replaces
    an earlier one.

    Raises UserError for an override that names no option, no choice or no finite list of values.
    """
    values = dict(map(_values, overrides))
    count = math.prod(len(texts) for texts in values.values())
    if count > LIMIT:
        raise UserError(f"this multirun has {count} combinations, more than {LIMIT}; name fewer values")
    return list(itertools.product(*values.values()))


def _values(text: str) -> tuple[str, list[str]]:
    """Return the option that an override sets, whatever sign precedes it, and the single-value overrides that it
    expands to.
    """
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException:
        parse_overrides([text])  # raises with the right sentence
        raise
    key = override.get_key_element()
    if not override.is_sweep_override():
        parse_overrides([text])
        return override.key_or_group, [text]
    texts = [f"{key}={value}" for value in _swept(override, text)]
    if not texts:
        raise UserError(f"'{text}' names no value")
    for single in texts:
        parse_overrides([single])
    return override.key_or_group, list(dict.fromkeys(texts))


def _swept(override: Override, text: str) -> list[str]:
    value, group = override.value(), override.key_or_group
    if isinstance(value, Glob):
        if group not in GROUPS:
            raise UserError(f"'{text}': glob selects files of a group, one of {', '.join(GROUPS)}")
        return list(value.filter(choices(group)))
    if getattr(value, "shuffle", False):
        raise UserError(
            f"'{text}' shuffles its values, but trials run in the plan's order; leave shuffle out"
        )
    if not override.is_discrete_sweep():
        raise UserError(f"'{text}' names an interval; name values, or a range(start,stop,step)")
    if isinstance(value, RangeSweep):
        return _range(value, text)
    return list(override.sweep_string_iterator())


def _range(numbers: RangeSweep, text: str) -> list[str]:
    """Return the numbers as they are written. Hydra computes in binary, where range(0.1,0.4,0.1) includes 0.4 and may
    miss the cell of 0.3.
    """
    start, stop, step = (Decimal(str(end)) for end in (numbers.start, numbers.stop, numbers.step))
    if step == 0 or not all(end.is_finite() for end in (start, stop, step)):
        raise UserError(
            f"'{text}' never ends; set the step of range(start,stop,step) to a value other than 0"
        )
    count = max(math.ceil((stop - start) / step), 0)
    if count > LIMIT:
        raise UserError(
            f"'{text}' has {count} values, more than {LIMIT}; set a larger step in range(start,stop,step)"
        )
    return [str(start + index * step) for index in range(count)]


def _check_plugin() -> None:
    known = [plugin.__module__ for plugin in Plugins.instance().discover(Sweeper)]
    if PLUGIN not in known:
        raise UserError(
            "-m requires the sweeper plugin, which is not on Python's path: run `make setup`, or start from the folder of the "
            "checkout"
        )


def _check_own(words: Sequence[str]) -> None:
    """Check Hydra's own settings: only the sweeper and its options are allowed, because all others would have no
    effect.
    """
    options = [
        key for key in ConfigStore.instance().load(f"{CHOICE}/{SWEEPER}.yaml").node if key != "_target_"
    ]
    keys = [CHOICE, *(f"hydra.sweeper.{key}" for key in options)]
    for word in words:
        key, _, value = word.partition("=")
        if key not in keys:
            raise unknown("setting of a multirun", key, keys)
        if key == CHOICE and value != SWEEPER:
            raise UserError(
                f"'{word}': other sweepers have no ledger, leases or resume; set {CHOICE}={SWEEPER}, or leave it out with -m"
            )
        if OverridesParser.create().parse_override(word).is_sweep_override():
            raise UserError(f"'{word}' names several values, but {key} takes one")


def _never_called(config: DictConfig) -> None:
    raise AssertionError("the sweeper starts its trials as processes of their own")

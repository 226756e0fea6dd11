"""The format of a file of conf/claims: hypotheses, each a test of one measure between arms that are selected by their configuration.

All defaults of a claim are defined here. `analysis.claims.verdict` judges claims on a study.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from analysis.claims.measures import MEASURES
from analysis.logs.manifest import ROLES
from sspo.config import RULES
from sspo.config.build import build
from sspo.config.choices import ADAPTATIONS, RATIOS, TERMS
from sspo.config.plugins.own_file import is_file
from sspo.config.plugins.table import names_of
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError, shown, unknown

KEYS = ("title", "written", "claims")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
DIRECTIONS = ("higher", "lower")
SAME = (
    "level",
    "term",
    "advantage",
    "aggregation",
    "adapt",
    "alpha",
    "clip_low",
    "clip_high",
    "target",
    "conditions",
)


@dataclass(frozen=True, kw_only=True)
class Selector:
    """A selection of arms: those that meet all given conditions. A list is met by any of its values."""

    role: str = "arm"
    name: str | None = None
    """A pattern of the arm's name (`sspo*`): for your own studies, since other studies name their arms differently."""
    level: tuple[str, ...] = ()
    """The level of the importance ratio: token, response, or the rule that cuts segments."""
    term: tuple[str, ...] = ()
    adapt: tuple[str, ...] = ()
    """The adaptation of bounds to entropy; `none` is a fixed clip."""
    alpha_above: float | None = None
    """0 selects arms whose bounds widen with entropy."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One testable sentence."""

    says: str = ""
    measure: str = ""
    arms: Selector = field(default_factory=Selector)
    against: Selector | None = None
    """The arms that `arms` are compared with, each with each; alternatively, `bound`."""
    bound: float | None = None
    """The value that the measure of `arms` is compared with."""
    same: tuple[str, ...] = ()
    """Facts that two arms must share to be compared; `conditions` covers everything except objective and segmentation."""
    direction: str = "higher"
    """The claimed position of `arms` relative to the arms or the bound they are compared with."""
    smallest_effect: float = 0.0
    """The smallest difference that would matter, in the measure's unit; shares lie in [0, 1]."""
    free: bool = False
    """Whether the claim is about arms under their own bounds, so that an arm held at a clip fraction cannot test it."""
    note: str = ""
    """A note for the reader on how to judge the test."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """A validated file."""

    title: str
    claims: Mapping[str, Claim]
    written: str | None = None
    """The day on which the claims were written, such as 2026-11-25; None if the file does not state it."""


def claim_digest(claim: Claim) -> str:
    """Return the SHA-256 of a claim's statement, independent of its name."""
    return hashlib.sha256(json.dumps(asdict(claim), sort_keys=True).encode()).hexdigest()


def load_claims(path: Path) -> Claims:
    """Read the claims of a file. Raises UserError, in one sentence that names the file, for the first that is not valid."""
    content = read_yaml(path)
    try:
        return parse(content)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from error


def parse(content: Mapping[str, Any]) -> Claims:
    """Build claims from plain values. Raises UserError for the first one that is not valid."""
    for key in content:
        if key not in KEYS:
            raise unknown("key", key, KEYS)
    named, title = content.get("claims"), content.get("title", "")
    if not isinstance(named, Mapping) or not named:
        raise UserError(f"claims must name at least one claim, got {shown(named)}")
    if not isinstance(title, str):
        raise UserError(f"title must be a text, got {shown(title)}")
    claims = {}
    for name, values in named.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(
                f"claims: a name must be letters, digits and '_', a letter first, got {shown(name)}"
            )
        if not isinstance(values, Mapping):
            raise UserError(f"claims.{name} must be a group of options, got {shown(values)}")
        claims[name] = build(Claim, values, f"claims.{name}.")
        _check(f"claims.{name}", claims[name])
    return Claims(title=title, claims=claims, written=_day(content.get("written")))


def _day(written: Any) -> str | None:
    """Return a date of the file as text. Raises UserError if it is not a date."""
    if written is None:
        return None
    try:
        return date.fromisoformat(str(written)).isoformat()
    except ValueError:
        raise UserError(f"written must be a day such as 2026-11-25, got {shown(written)}") from None


def _check(where: str, claim: Claim) -> None:
    if not claim.says.strip():
        raise UserError(f"{where}.says must be the sentence that is tested, got {shown(claim.says)}")
    _known(f"{where}.measure", claim.measure, MEASURES)
    _known(f"{where}.direction", claim.direction, DIRECTIONS)
    for key in claim.same:
        _known(f"{where}.same", key, SAME)
    if (claim.against is None) == (claim.bound is None):
        raise UserError(f"{where} needs one of against (other arms) and bound (a number)")
    if claim.bound is not None and (claim.measure == "collapsed" or not math.isfinite(claim.bound)):
        raise UserError(f"{where}.bound must be a finite number, for a measure that is not a yes or no")
    if not 0 < claim.smallest_effect < math.inf:
        raise UserError(
            f"{where}.smallest_effect must be a positive number, as nothing could refute the claim without one; "
            f"got {claim.smallest_effect}"
        )
    for side, selector in (("arms", claim.arms), ("against", claim.against)):
        if selector is not None:
            _check_selector(f"{where}.{side}", selector)


def _check_selector(where: str, selector: Selector) -> None:
    _known(f"{where}.role", selector.role, ROLES)
    choices = {
        "level": (*names_of("rule", RULES), *(ratio for ratio in RATIOS if ratio != "segment")),
        "term": names_of("term", TERMS),
        "adapt": ADAPTATIONS,
    }
    for key, valid in choices.items():
        for value in getattr(selector, key):
            if not is_file(value):
                _known(f"{where}.{key}", value, valid)


def _known(where: str, value: str, valid: Any) -> None:
    if value not in valid:
        raise unknown(where, value, set(valid))

"""The options of a check: those of a training command, and a few of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sspo.compose.hydra_compose import GROUPS, choices, compose, option_keys
from sspo.config import TrainConfig
from sspo.errors import UserError, shown, unknown
from sspo.runs.contamination import NGRAM, SHARES

COMPLETION, OVERLAP = "completion", "overlap"
CHECKS = (COMPLETION, OVERLAP)
OWN = ("checks", "shares", "ngram")
LEAST, MOST = 2, 1000
"""Range of n of an n-gram: one word is not an n-gram, and no question is longer."""


@dataclass(frozen=True)
class Options:
    """One check: its questions, its model and its settings."""

    config: TrainConfig
    checks: tuple[str, ...] = CHECKS
    shares: tuple[float, ...] = SHARES
    """Shares of a question's words that the model is shown."""
    ngram: int = NGRAM


def parse(words: Sequence[str]) -> Options:
    """Return the options in words `key=value`. Raises UserError in one sentence."""
    own: dict[str, Any] = {}
    others: list[str] = []
    for word in words:
        key, mark, value = word.partition("=")
        if key in OWN and mark:
            own[key] = _value(key, value)
        elif key == "model" and mark and value not in choices("model"):
            others.append(f"model.path={value}")
        else:
            if mark and key not in (*GROUPS, *option_keys()) and "." not in key:
                raise unknown("option", key, [*OWN, *option_keys()])
            others.append(word)
    config = compose(others)
    if config.model.lora.rank:
        raise UserError(
            f"model.lora.rank={config.model.lora.rank} has no effect on a check, which uses the model as it is: leave it out"
        )
    return Options(
        checks=_checks(own.get("checks", list(CHECKS))),
        shares=_shares(own.get("shares", list(SHARES))),
        ngram=_ngram(own.get("ngram", NGRAM)),
        config=config,
    )


def _value(key: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{key} must be a value or a list like [a,b], got {shown(text)}") from error


def _checks(given: Any) -> tuple[str, ...]:
    names = given if isinstance(given, list) else [given]
    for name in names:
        if name not in CHECKS:
            raise unknown("check in checks", str(name), CHECKS)
    if not names:
        raise UserError(f"checks names none; set one or both of {', '.join(CHECKS)}")
    return tuple(check for check in CHECKS if check in names)


def _shares(given: Any) -> tuple[float, ...]:
    shares = given if isinstance(given, list) else [given]
    for share in shares:
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
            raise UserError(
                f"each of shares must be above 0 and below 1, such as shares=[0.4,0.6,0.8], got {shown(share)}"
            )
    if not shares:
        raise UserError("shares is empty; set at least one, such as shares=[0.6]")
    return tuple(sorted({float(share) for share in shares}))


def _ngram(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not LEAST <= given <= MOST:
        raise UserError(
            f"ngram must be a whole number from {LEAST} to {MOST}, such as ngram={NGRAM}, got {shown(given)}"
        )
    return given

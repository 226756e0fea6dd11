"""A user's own rows as choices of a group: Hydra accepts no path as a name, so each gets a name derived from its
content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from hydra.core.config_store import ConfigStore

from sspo.config.plugins.table import Plugin

VALUES: dict[str, dict[str, Any]] = {}
"""The values that each such choice sets."""


def add(group: str, plugin: Plugin, values: Callable[[str, str], dict[str, Any]]) -> str:
    """Make a row a choice of its group, and return the choice's name, which changes with its code."""
    told = f"{group} {plugin.name} {plugin.digest}"
    choice = f"own_{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if choice not in VALUES:
        VALUES[choice] = values(group, plugin.name)
        ConfigStore.instance().store(group=group, name=choice, node=VALUES[choice])
    return choice

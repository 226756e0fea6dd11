"""Rows of a user's own as choices of a group: Hydra takes no path for a name, so each has one that its content gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from hydra.core.config_store import ConfigStore

from sspo.config.plugins.table import Plugin

VALUES: dict[str, dict[str, Any]] = {}
"""What each such choice sets."""


def add(group: str, plugin: Plugin, values: Callable[[str, str], dict[str, Any]]) -> str:
    """Make a row a choice of its group, and return the choice's name: another one after its code changed."""
    told = f"{group} {plugin.name} {plugin.digest}"
    choice = f"own_{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if choice not in VALUES:
        VALUES[choice] = values(group, plugin.name)
        ConfigStore.instance().store(group=group, name=choice, node=VALUES[choice])
    return choice

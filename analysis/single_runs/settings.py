"""Options of runs: those that differ, and labels that distinguish the runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

LABELS = ("run.", "tracking.")
"""Groups that set where a run is stored or shown, and change no number."""
ABSENT = "not set"
IN_A_LABEL = 3
"""The most options that a label names."""

Options = Mapping[str, Any]


def shown_value(value: Any) -> str:
    """Format an option's value as on a command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "[" + ",".join(map(shown_value, value)) + "]" if isinstance(value, list) else str(value)


def differing(configs: Sequence[Options]) -> dict[str, list[str]]:
    """Return options that differ between runs, with one value per run; `not set` if a run's configuration has
    no such option.
    """
    keys = dict.fromkeys(key for config in configs for key in config)
    found = {}
    for key in keys:
        if key == "seed" or key.startswith(LABELS):
            continue
        values = [shown_value(config[key]) if key in config else ABSENT for config in configs]
        if len(set(values)) > 1:
            found[key] = values
    return found


def label(config: Options, otherwise: str) -> str:
    """Return a run's label: arm or objective, and seed."""
    name = config.get("run.arm") or config.get("objective.name")
    seed = config.get("seed")
    return otherwise if name is None or seed is None else f"{name} seed {seed}"


def made_unique(labels: Sequence[str], configs: Sequence[Options], cells: Sequence[str]) -> list[str]:
    """Make labels unique: equal ones get the options in which they differ, or else their folders."""
    counts = Counter(labels)
    found = list(labels)
    for shared in [name for name, count in counts.items() if count > 1]:
        mine = [i for i, name in enumerate(labels) if name == shared]
        options = list(differing([configs[i] for i in mine]).items())[:IN_A_LABEL]
        for place, i in enumerate(mine):
            parts = [f"{key.rpartition('.')[2]}={values[place]}" for key, values in options]
            found[i] = f"{shared} ({', '.join(parts) or cells[i]})"
    for i, name in enumerate(found):
        if found.count(name) > 1:
            found[i] = f"{name} [{cells[i]}]"
    return found

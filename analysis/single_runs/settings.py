"""Options of runs: which differ, and labels that tell the runs apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

LABELS = ("run.", "tracking.")
"""Groups that say where a run is kept or shown, and change no number."""
ABSENT = "not set"
IN_A_LABEL = 3
"""Options that a label names at most."""

Options = Mapping[str, Any]


def shown_value(value: Any) -> str:
    """An option's value as one writes it on a command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "[" + ",".join(map(shown_value, value)) + "]" if isinstance(value, list) else str(value)


def differing(configs: Sequence[Options]) -> dict[str, list[str]]:
    """Options that are not the same in all runs, with a value a run; – where a run's configuration has none of that name."""
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
    """What a run is called: arm or objective, and seed."""
    name = config.get("run.arm") or config.get("objective.name")
    seed = config.get("seed")
    return otherwise if name is None or seed is None else f"{name} seed {seed}"


def told_apart(labels: Sequence[str], configs: Sequence[Options], cells: Sequence[str]) -> list[str]:
    """Labels that no two runs share: to equal ones come the options in which they differ, or else their folders."""
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

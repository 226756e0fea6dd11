"""Arms that a study used to have. Their runs are kept, and the manifest records why they are there."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sspo.runs.identity import folders_of
from sweeps.ledger.state import seen

NAMED = 8
"""Number of cells that the sentence names; the rest are counted."""


@dataclass(frozen=True, kw_only=True)
class Former:
    """Seeds of a cell that earlier manifests of the study listed and that have a run folder."""

    name: str
    cell: str
    seeds: tuple[int, ...]


def former_arms(store: Path, listed: Sequence[Former], current: Set[tuple[str, int]]) -> list[Former]:
    """Return the listed runs that the study no longer has (`current`: cell and seed) and the store still holds."""
    merged: dict[tuple[str, str], list[int]] = {}
    for arm in listed:
        for seed in arm.seeds:
            known = merged.setdefault((arm.name, arm.cell), [])
            if (arm.cell, seed) not in current and seed not in known and folders_of(store, arm.cell, seed):
                known.append(seed)
    return [
        Former(name=name, cell=cell, seeds=tuple(sorted(seeds)))
        for (name, cell), seeds in merged.items()
        if seeds
    ]


def former_content(arms: Sequence[Former]) -> list[dict[str, Any]]:
    """Return former arms in the format of the manifest."""
    return [{"name": arm.name, "cell": arm.cell, "seeds": list(arm.seeds)} for arm in arms]


def sentence(store: Path, title: str, arms: Sequence[Former]) -> str | None:
    """Return a sentence that names the kept cells that no longer belong to the plan; None if all belong."""
    if not arms:
        return None
    runs = [run for arm in arms for seed in arm.seeds for run in folders_of(store, arm.cell, seed).values()]
    over = sum(seen(run).outcome in ("done", "diverged") for run in runs)
    named = ", ".join(f"{arm.cell} (arm '{arm.name}', {_seeds(arm.seeds)})" for arm in arms[:NAMED])
    if len(arms) > NAMED:
        named += f" and {len(arms) - NAMED} more, which the manifest lists"
    return (
        f"no longer part of {title}, and kept in {store / 'cells'}: {named}; {over} of these {len(runs)} "
        f"run{'s' if len(runs) > 1 else ''} ended with a result"
    )


def _seeds(seeds: Sequence[int]) -> str:
    consecutive = list(seeds) == list(range(seeds[0], seeds[0] + len(seeds)))
    if len(seeds) > 2 and consecutive:
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"

"""What a study of imported logs needs to be told: whose logs they are, and what is compared. Every default stands here."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.study import ROLES
from sspo.build import build
from sspo.errors import UserError, unknown
from sspo.yaml_file import read_yaml

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
SOURCE = re.compile(r"(?P<arm>[^:=/]+):(?P<seed>-?\d+)=(?P<path>.+)")


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One path, and whose logs lie there. Arm and seed may stay open where the logs themselves name them."""

    path: str
    arm: str | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class ArmSpec:
    """What an arm is called in tables, its role, and the arm that it is tested against (none: the baseline)."""

    name: str
    label: str | None = None
    role: str = "arm"
    against: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportSpec:
    """A mapping file, with what the command line adds."""

    title: str | None = None
    question: str = ""
    baseline: str | None = None
    primary: tuple[str, ...] = ()
    """Metrics whose values at the final step are the scores: a column each, and their average."""
    scale: float = 1.0
    """What primary values are multiplied by to be shares in [0, 1]: 0.01 for percent."""
    final_step: int | None = None
    """The fixed last step; None is the last one at which any run logged the primary metric."""
    test: str = "welch"
    """`paired` only where runs of one seed share their randomness."""
    arm_from: str | None = None
    seed_from: str | None = None
    """Keys of the logged configuration (or columns) that name arm and seed."""
    importance_sampling_level: str | None = None
    loss_mode: str | None = None
    loss_agg_mode: str | None = None
    """Options of TRL (first) and verl that their logs do not hold and that some names depend on (docs/logs.md)."""
    runs: tuple[RunSpec, ...] = ()
    arms: tuple[ArmSpec, ...] = ()

    @property
    def known(self) -> dict[str, Any]:
        """The options above that were given, under the names that mappings ask for."""
        given = {
            "importance_sampling_level": self.importance_sampling_level,
            "policy_loss.loss_mode": self.loss_mode,
            "loss_agg_mode": self.loss_agg_mode,
        }
        return {key: value for key, value in given.items() if value is not None}


def load_spec(path: Path | None, sources: list[str], options: dict[str, Any]) -> ImportSpec:
    """The mapping file (if any) with the command line's sources and options over it; relative paths of the file are
    relative to it. Raises UserError for the first thing that makes no sense."""
    content = read_yaml(path) if path is not None else {}
    runs = list(content.get("runs") or [])
    spec = build(ImportSpec, {**content, "runs": runs})
    beside = path.parent if path is not None else Path()
    listed = [replace(run, path=str(beside / run.path)) for run in spec.runs]
    listed += [_source(text) for text in sources]
    given = {key: value for key, value in options.items() if value not in (None, ())}
    spec = replace(spec, runs=tuple(listed), **given)
    _check(spec)
    return spec


def _source(text: str) -> RunSpec:
    found = SOURCE.fullmatch(text)
    if found is None or Path(text).exists():
        return RunSpec(path=text)
    return RunSpec(path=found["path"], arm=found["arm"], seed=int(found["seed"]))


def _check(spec: ImportSpec) -> None:
    if not spec.runs:
        raise UserError(
            "nothing to import: give --from ARM:SEED=PATH for each run, or a mapping file with --map"
        )
    if not spec.primary:
        raise UserError("no primary metric: give --primary NAME, a name as it stands in the logs")
    if spec.test not in ("paired", "welch"):
        raise unknown("test", spec.test, ("paired", "welch"))
    if not spec.scale > 0:
        raise UserError(f"scale must be above 0, got {spec.scale:g}")
    for arm in spec.arms:
        if arm.role not in ROLES:
            raise unknown("role", arm.role, ROLES)


def check_name(kind: str, name: str) -> str:
    """A name that may stand in a file name. Raises UserError."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"{kind} '{name}' must be of letters, digits and . _ + -, and begin with one of the first two"
        )
    return name

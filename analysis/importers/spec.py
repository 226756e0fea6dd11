"""The options of an import: the arm and seed of each log, and the comparison. All defaults are defined here."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from analysis.claims.files import claim_files
from analysis.importers.limits import MOST_SETTINGS_BYTES, clean, shown, shown_path
from analysis.importers.settings import check_settings
from analysis.logs.manifest import ROLES
from sspo.config.build import build
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError, unknown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
SOURCE = re.compile(r"(?P<arm>[^:=/]+):(?P<seed>-?\d+)=(?P<path>.+)", re.DOTALL)
SEED_DIGITS = 18
"""Digits that fit a 64-bit integer."""
PERCENT = "percent"
RUN_MARK = "#"
"""Separator of a path and the name of a run in it."""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One path, and the arm and seed of its logs. Arm and seed may be left out if the logs themselves name them."""

    path: str
    run: str | None = None
    """Name of the selected run in a file of several runs."""
    arm: str | None = None
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class NamedRun:
    """The arm and seed of a run that files of several runs call by a name."""

    arm: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class ArmSpec:
    """An arm's label in tables, its role, and the arm that it is tested against (None: the baseline)."""

    name: str
    label: str | None = None
    role: str = "arm"
    against: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImportSpec:
    """A mapping file, with the options of the command line."""

    title: str | None = None
    question: str = ""
    baseline: str | None = None
    primary: tuple[str, ...] = ()
    """Metrics whose values at the final step are the scores: one column each, and their average. For results by question, those
    that may score an answer, if a tool logs several."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of primary metrics, or of sets of results by question, in tables and figures; by default their names."""
    units: Mapping[str, str] = field(default_factory=dict)
    """Units of primary metrics, such as `tokens` or `nats`, or `percent`, which implies a scale of 0.01."""
    scale: float | None = None
    """Factor that turns accuracies into shares in [0, 1]: 1, or 0.01 for percent. Reports then use percentage points.
    None for a metric in its own unit."""
    final_step: int | None = None
    """The step that scores every run; None is the last one at which any run logged the primary metric."""
    smallest_effect: float | None = None
    """The smallest difference of the average that would matter, in its unit after `scale`; None if none was named."""
    arm_from: str | None = None
    seed_from: str | None = None
    """Keys of the logged configuration (or columns) that name arm and seed."""
    step_from: str | None = None
    """Column that holds the training step, where logs have several."""
    base: str | None = None
    """The one base model that all runs started from, if there was one."""
    claims: tuple[str, ...] = ()
    """Files of conf/claims to judge with these runs."""
    reference: bool = False
    """Whether the results table shows the SSPO paper's published numbers."""
    importance_sampling_level: str | None = None
    loss_mode: str | None = None
    loss_agg_mode: str | None = None
    """Options of TRL (first) and verl that their logs do not hold and on which some names depend (docs/logs.md)."""
    files: tuple[str, ...] = ()
    """Files of several runs, such as the charts of W&B with one metric each: `names` maps their runs to arms and seeds."""
    names: Mapping[str, NamedRun] = field(default_factory=dict)
    """Name of a run in those files to its arm and seed. In a mapping file, this is `runs` if it is a mapping."""
    runs: tuple[RunSpec, ...] = ()
    arms: tuple[ArmSpec, ...] = ()

    @property
    def unit(self) -> str | None:
        """Return the unit of the scores; None if it is not stated."""
        return next(iter(self.units.values()), None)

    @property
    def known(self) -> dict[str, Any]:
        """Return the given options of TRL and verl, under the names that mappings of keys require."""
        given = {
            "importance_sampling_level": self.importance_sampling_level,
            "policy_loss.loss_mode": self.loss_mode,
            "loss_agg_mode": self.loss_agg_mode,
        }
        return {key: value for key, value in given.items() if value is not None}


def load_spec(path: Path | None, sources: Sequence[str], options: Mapping[str, Any]) -> ImportSpec:
    """Read the mapping file (if any) and apply the command line's sources and options to it; relative paths in the file are
    relative to it. Raises UserError for the first option that is not valid."""
    spec = _mapping(path) if path is not None else ImportSpec()
    beside = path.parent if path is not None else Path()
    listed = [replace(run, path=str(beside / run.path)) for run in spec.runs]
    listed += [_source(text) for text in sources]
    given = {key: value for key, value in options.items() if value not in (None, (), {}, False)}
    files = tuple(str(beside / file) for file in spec.files)
    spec = replace(spec, runs=tuple(listed), files=files, **given)
    if spec.names:  # a path without an arm is a file of runs that have names
        files += tuple(run.path for run in spec.runs if run == RunSpec(path=run.path))
        spec = replace(spec, files=files, runs=tuple(r for r in spec.runs if r != RunSpec(path=r.path)))
    if spec.scale is None and spec.unit == PERCENT:
        spec = replace(spec, scale=0.01)
    _check(spec)
    return spec


def _mapping(path: Path) -> ImportSpec:
    try:
        check_settings(path, MOST_SETTINGS_BYTES)
        content = read_yaml(path)
        runs = content.get("runs") or []
        of_names = {"names": runs, "runs": []} if isinstance(runs, Mapping) else {"runs": runs}
        return build(ImportSpec, {**content, **of_names})
    except OSError as error:
        raise UserError(f"{shown_path(path)} cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # a number or a date that Python cannot represent
        words = clean(" ".join(str(error).split()))[:120]
        raise UserError(f"{shown_path(path)} holds a value that cannot be read ({words})") from error


def _source(text: str) -> RunSpec:
    found = SOURCE.fullmatch(text)
    if found is None or _exists(text):
        return _with_run(RunSpec(path=text))
    seed = found["seed"]
    if len(seed.lstrip("-")) > SEED_DIGITS:
        raise UserError(
            f"the seed of {shown(found['arm'])} has {len(seed):,} digits: at most {SEED_DIGITS} are read"
        )
    return _with_run(RunSpec(path=found["path"], arm=found["arm"], seed=int(seed)))


def _with_run(source: RunSpec) -> RunSpec:
    """Split `path#run` into a file and a run, unless a file has exactly that name."""
    for at in [i for i, c in enumerate(source.path) if c == RUN_MARK] if not _exists(source.path) else ():
        if _exists(source.path[:at]):
            return replace(source, path=source.path[:at], run=source.path[at + 1 :])
    return source


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except OSError:  # too long to be a path
        return False


def _check(spec: ImportSpec) -> None:
    _check_files(spec)
    if not (spec.runs or spec.files):
        raise UserError(
            "nothing to import: pass --from ARM:SEED=PATH for each run, or a mapping file with --map"
        )
    for text in _texts(spec):
        if "\0" in text or clean(text) != text:
            raise UserError(f"{shown(text)} is not text that a file or path can hold")
    if spec.smallest_effect is not None and not 0 < spec.smallest_effect < math.inf:
        raise UserError(f"smallest_effect must be above 0, got {spec.smallest_effect:g}")
    if spec.scale is not None and not 0 < spec.scale < math.inf:
        raise UserError(f"scale must be above 0, got {spec.scale:g}")
    for arm in spec.arms:
        if arm.role not in ROLES:
            raise unknown("role", arm.role, ROLES)
    for seed in (*(run.seed for run in spec.runs), *(run.seed for run in spec.names.values())):
        if seed is not None and abs(seed) >= 10**SEED_DIGITS:
            raise UserError(f"a seed must have at most {SEED_DIGITS} digits, got {shown(seed)}")
    for claims in spec.claims:
        if claims not in (names := [path.stem for path in claim_files()]):
            raise unknown("file of conf/claims", claims, names)
    if spec.reference and spec.scale is None:
        raise UserError(
            "the paper's numbers are percentage points: `reference` needs `scale` (0.01 for percent)"
        )


def _check_files(spec: ImportSpec) -> None:
    if spec.files and not spec.names:
        raise UserError(
            "`files` hold runs by name: give their arms and seeds, as runs: {NAME: {arm: grpo, seed: 0}}"
        )
    if spec.names and not spec.files:
        raise UserError("`runs` maps names, but there is no file that holds them: list it under `files`")


def check_logs(spec: ImportSpec) -> None:
    """Check the further requirements of an import of logs: the metric that scores, and its unit. Raises UserError."""
    if not spec.primary:
        raise UserError("no primary metric: pass --primary NAME, a name as it appears in the logs")
    for metric in (*spec.labels, *spec.units):
        if metric not in spec.primary:
            raise unknown("primary metric", metric, spec.primary)
    said = {spec.units.get(metric) for metric in spec.primary}
    if len(said) > 1:
        raise UserError(
            f"primary metrics in {', '.join(sorted(shown(unit) for unit in said if unit))} "
            f"{'and in an unnamed unit ' if None in said else ''}have no average: give them one unit, or import "
            "them as two studies"
        )
    if spec.scale is not None and spec.unit not in (None, PERCENT):
        raise UserError(
            f"scores that `scale` turns into shares are in percentage points, not {shown(spec.unit)}: leave out the scale or the unit"
        )


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a spec, apart from paths of files, which may contain any bytes except NUL."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for part in fields(value):
            found = getattr(value, part.name)
            yield from _texts(clean(found) if part.name == "path" else found)
    elif isinstance(value, Mapping):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)


def check_name(kind: str, name: str) -> str:
    """Return a name that is valid in a file name. Raises UserError if it is not."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"{kind} {shown(name)} must consist of letters, digits and . _ + -, and begin with a letter or digit"
        )
    return name

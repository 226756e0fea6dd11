"""Studies on disk: `load` reads conf/study/<name>.yaml and refuses invalid entries in one sentence.

spec.py, factors.py and tune.py define the contents of a spec, and design.py generates arms. checks.py, design_checks.py and
tune_checks.py have the refusals that compose nothing; plan/plan.py and sweeps/tune have those that require composing (bad overrides, twin arms, a primary score that
no run has).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sspo.config.build import build
from sspo.errors import UserError, shown, unknown
from sweeps.study.checks import check
from sweeps.study.design import Generated, generate
from sweeps.study.factors import Factor, read_design, read_factors
from sweeps.study.space.read import mapping, parameter_from
from sweeps.study.spec import DEFAULT_PRESET, PRESETS, Arm, Preset, Study, StudyHead
from sweeps.study.spec_file import Folders, head_values, load_spec, spec_names
from sweeps.study.tune import Tune, TuneHead, TuningBudget
from sweeps.study.tune_checks import check_tune

NAME = re.compile(r"[a-z][a-z0-9_]*")
PARTS = ("arms", "factors", "design", "presets", "tune")
MOST_SEEDS = 10_000


def study_names(folder: Folders) -> list[str]:
    """Return the names of the studies in a folder of specs."""
    return spec_names(folder)


def load(folder: Folders, name: str) -> Study:
    """Read the study `<folder>/<name>.yaml`. Raises UserError with one sentence that names the file."""
    return load_spec("study", folder, name, parse)


def parse(name: str, content: Mapping[str, Any]) -> Study:
    """Build a study from plain values. Raises UserError for the first invalid one."""
    content = _with_presets(content)
    _check_places(content)
    head = build(StudyHead, head_values(content, StudyHead, PARTS))
    factors, generated = _generated(content, head)
    study = Study(
        name=name,
        head=head,
        arms=_arms(content, generated),
        presets={key: _preset(key, value) for key, value in _named(content, "presets").items()},
        factors=factors,
        points=generated.points,
        tune=_tune(content["tune"]) if "tune" in content else None,
    )
    check(study)
    check_tune(study)
    return study


def _preset(name: str, value: Mapping[str, Any]) -> Preset:
    where = f"presets.{name}"
    if "tune" in value:
        mapping(f"{where}.tune", value["tune"])
        _check_unit(f"{where}.tune", value["tune"])
    return build(Preset, _with_seeds(value, where), f"{where}.")


def _tune(content: object) -> Tune:
    """Return how arms are tuned. Its `seeds` are a list: a number of seeds would start at 0."""
    values = mapping("tune", content)
    keys = [f"tune.{key}" for key in ("space", *TuneHead.__dataclass_fields__)]
    for key in values:
        if f"tune.{key}" not in keys:
            raise unknown("key", f"tune.{key}", keys)
    _check_unit("tune", values)
    space = mapping("tune.space", values.get("space"))
    return Tune(
        space=tuple(parameter_from(key, value, arms=True) for key, value in space.items()),
        head=build(TuneHead, {key: value for key, value in values.items() if key != "space"}, "tune."),
    )


def _check_unit(where: str, values: Mapping[str, Any]) -> None:
    """Raise UserError for a budget without a unit, which would silently be the default."""
    budget = values.get("budget", {"trials": None})
    if isinstance(budget, Mapping) and not budget:
        raise UserError(
            f"{where}.budget names no unit: give one of {', '.join(TuningBudget.__dataclass_fields__)}"
        )


def _check_places(content: Mapping[str, Any]) -> None:
    """Raise UserError for an arm that was written below `presets`, as at the end of the file."""
    for key, value in _named(content, "presets").items():
        if key not in PRESETS and isinstance(value, Mapping) and {"label", "role", "copy_of"} & set(value):
            raise UserError(f"presets.{key} looks like an arm: write it under arms, above presets")


def _generated(content: Mapping[str, Any], head: StudyHead) -> tuple[dict[str, Factor], Generated]:
    """Return the factors, and the arms that the design generates from them; none of either without a design."""
    if "factors" not in content and "design" not in content:
        return {}, Generated(arms={}, points={})
    for key, other in (("factors", "design"), ("design", "factors")):
        if key not in content:
            raise UserError(f"{other} requires {key}: factors have levels, and a design combines them")
    factors = read_factors(_named(content, "factors"))
    return factors, generate(factors, read_design(content["design"]), head.baseline)


def _arms(content: Mapping[str, Any], generated: Generated) -> dict[str, Arm]:
    """Return the written arms, the generated ones, and last the written copies, which may repeat a generated one."""
    named = _named(content, "arms") if "arms" in content or not generated.arms else {}
    written = {
        key: build(Arm, _with_seeds(value, f"arms.{key}"), f"arms.{key}.") for key, value in named.items()
    }
    for name in generated.arms:
        if name in written:
            raise UserError(
                f"arm '{name}' is both listed under arms and generated by the design; rename one of them"
            )
    if not generated.arms:
        return written
    copies = {name: arm for name, arm in written.items() if arm.copy_of is not None}
    first = {name: arm for name, arm in written.items() if name not in copies}
    return {**first, **generated.arms, **copies}


def _with_presets(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the content with its presets: a top-level `seeds: 3` is short for a preset `default` of three seeds."""
    if "seeds" not in content:
        if not content.get("presets"):
            raise UserError("a study requires seeds: write `seeds: 3`, or presets of several sizes")
        return content
    if "presets" in content:
        raise UserError(
            "a study has both seeds and presets, which have their own seeds; leave out one of the two"
        )
    rest = {key: value for key, value in content.items() if key != "seeds"}
    return {**rest, "presets": {DEFAULT_PRESET: {"seeds": content["seeds"]}}}


def _with_seeds(value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """Expand `seeds: 8`, which is short for the seeds 0 to 7."""
    count = value.get("seeds")
    if not isinstance(count, int) or isinstance(count, bool):
        return value
    if not 1 <= count <= MOST_SEEDS:
        raise UserError(
            f"{where}.seeds must be a number of seeds from 1 to {MOST_SEEDS}, or a list of seeds, got {count}"
        )
    return {**value, "seeds": list(range(count))}


def _named(content: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """Return a nonempty mapping of names to mappings; a name with nothing below it gets every default."""
    value = content.get(key)
    if not isinstance(value, Mapping | None):
        raise UserError(f"{key} must map a name to the options of each of its entries, got {shown(value)}")
    if not value:
        raise UserError(f"{key} must name at least one entry, got {shown(value)}")
    for name, inner in value.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(
                f"{key}: a name must be lowercase letters, digits and '_', starting with a letter, got {shown(name)}"
            )
        if inner is not None and not isinstance(inner, Mapping):
            raise UserError(f"{key}.{name} must be a group of options, got {shown(inner)}")
    return {name: dict(inner or {}) for name, inner in value.items()}

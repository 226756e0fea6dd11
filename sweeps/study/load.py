"""Studies on disk: `load` reads conf/study/<name>.yaml and refuses, in one sentence, what makes no sense.

What a spec may hold is in spec.py and factors.py, how arms are generated in design.py, what is refused without composing
anything in checks.py and design_checks.py; what only composing can show (bad overrides, twin arms, a primary score that
no run has) is refused by plan/plan.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sspo.config.build import build
from sspo.errors import UserError, shown
from sweeps.study.checks import check
from sweeps.study.design import Generated, generate
from sweeps.study.factors import Factor, read_design, read_factors
from sweeps.study.spec import DEFAULT_PRESET, Arm, Preset, Study, StudyHead
from sweeps.study.spec_file import Folders, head_values, load_spec, spec_names

NAME = re.compile(r"[a-z][a-z0-9_]*")
PARTS = ("arms", "factors", "design", "presets")
MOST_SEEDS = 10_000


def study_names(folder: Folders) -> list[str]:
    """The studies that a folder of specs holds."""
    return spec_names(folder)


def load(folder: Folders, name: str) -> Study:
    """The study `<folder>/<name>.yaml`. Raises UserError in one sentence that names the file."""
    return load_spec("study", folder, name, parse)


def parse(name: str, content: Mapping[str, Any]) -> Study:
    """A study from plain values. Raises UserError for the first one that makes no sense."""
    content = _with_presets(content)
    head = build(StudyHead, head_values(content, StudyHead, PARTS))
    factors, generated = _generated(content, head)
    study = Study(
        name=name,
        head=head,
        arms=_arms(content, generated),
        presets={
            key: build(Preset, _with_seeds(value, f"presets.{key}"), f"presets.{key}.")
            for key, value in _named(content, "presets").items()
        },
        factors=factors,
        points=generated.points,
    )
    check(study)
    return study


def _generated(content: Mapping[str, Any], head: StudyHead) -> tuple[dict[str, Factor], Generated]:
    """The factors, and the arms that the design makes of them; none of either without a design."""
    if "factors" not in content and "design" not in content:
        return {}, Generated(arms={}, points={})
    for key, other in (("factors", "design"), ("design", "factors")):
        if key not in content:
            raise UserError(f"{other} needs {key} as well: factors have levels, and a design says which meet")
    factors = read_factors(_named(content, "factors"))
    return factors, generate(factors, read_design(content["design"]), head.baseline)


def _arms(content: Mapping[str, Any], generated: Generated) -> dict[str, Arm]:
    """Written arms, generated ones, and last the written copies, which may repeat a generated one."""
    named = _named(content, "arms") if "arms" in content or not generated.arms else {}
    written = {
        key: build(Arm, _with_seeds(value, f"arms.{key}"), f"arms.{key}.") for key, value in named.items()
    }
    for name in generated.arms:
        if name in written:
            raise UserError(f"arm '{name}' stands under arms and is made by the design as well; rename one")
    if not generated.arms:
        return written
    copies = {name: arm for name, arm in written.items() if arm.copy_of is not None}
    first = {name: arm for name, arm in written.items() if name not in copies}
    return {**first, **generated.arms, **copies}


def _with_presets(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the content with its presets: `seeds: 3` above all is short for a preset `default` of three seeds."""
    if "seeds" not in content:
        if not content.get("presets"):
            raise UserError("a study takes seeds: write `seeds: 3`, or presets of several sizes")
        return content
    if "presets" in content:
        raise UserError("seeds stand beside presets, which have seeds of their own; leave one of the two out")
    rest = {key: value for key, value in content.items() if key != "seeds"}
    return {**rest, "presets": {DEFAULT_PRESET: {"seeds": content["seeds"]}}}


def _with_seeds(value: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """`seeds: 8` is short for the seeds 0 to 7."""
    count = value.get("seeds")
    if not isinstance(count, int) or isinstance(count, bool):
        return value
    if not 1 <= count <= MOST_SEEDS:
        raise UserError(
            f"{where}.seeds is a number of seeds from 1 to {MOST_SEEDS}, or a list of them, got {count}"
        )
    return {**value, "seeds": list(range(count))}


def _named(content: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    """A non-empty mapping of names to mappings; a name with nothing below it takes every default."""
    value = content.get(key)
    if not isinstance(value, Mapping | None):
        raise UserError(f"{key} must map a name to the options of each of its entries, got {shown(value)}")
    if not value:
        raise UserError(f"{key} must name at least one entry, got {shown(value)}")
    for name, inner in value.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise UserError(
                f"{key}: a name is lower-case letters, digits and '_', letters first, got {shown(name)}"
            )
        if inner is not None and not isinstance(inner, Mapping):
            raise UserError(f"{key}.{name} is a group of options, got {shown(inner)}")
    return {name: dict(inner or {}) for name, inner in value.items()}

"""The tables of conf/planning: devices, shapes of models, sizes of benchmarks and the assumptions of the cost model."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from sspo.config.build import build
from sspo.config.places import conf_file
from sspo.config.yaml_file import read_yaml
from sspo.errors import UserError
from sspo.models.memory.shape import Shape

SHARES = ("flops_share", "bandwidth_share", "float32_share")
Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Device:
    """A row of devices.yaml."""

    memory_gib: float
    tflops: float
    """10^12 operations per second of matrix products in bfloat16."""
    bandwidth_gbs: float
    """10^9 bytes per second."""


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """A row of models.yaml; see Shape."""

    parameters: int
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    tied: bool
    """Whether the head is the embedding."""
    positions: int

    def shape(self) -> Shape:
        """Return the shape that the memory estimate reads."""
        values = asdict(self)
        del values["tied"]
        return Shape(**values)


@dataclass(frozen=True, kw_only=True)
class OfCuda:
    """Assumptions about a CUDA device."""

    flops_share: float
    bandwidth_share: float
    float32_share: float
    step_seconds: float
    start_seconds: float
    engine_seconds: float


@dataclass(frozen=True, kw_only=True)
class OfCpu:
    """Assumptions about one core."""

    core_gflops: float
    core_gbs: float
    step_seconds: float
    start_seconds: float
    engine_seconds: float


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """The assumptions of the cost model; conf/planning/assumptions.yaml gives the source of each."""

    cuda: OfCuda
    cpu: OfCpu
    response_tokens: float
    prompt_tokens: float
    longest_prompt: int
    disk_gbs: float
    grading_seconds: float
    rollout_seconds: float


@dataclass(frozen=True, kw_only=True)
class Tables:
    """All of conf/planning."""

    devices: Mapping[str, Device]
    models: Mapping[str, ModelRow]
    questions: Mapping[str, int]
    assumptions: Assumptions


@functools.cache
def tables(folder: Path | None = None) -> Tables:
    """Return the tables of a folder, or of `conf/planning`.

    Raises UserError for an unknown or missing key, or an invalid value.
    """

    def file(name: str) -> Path:
        return conf_file("planning", f"{name}.yaml") if folder is None else folder / f"{name}.yaml"

    def rows(name: str, schema: type[Row]) -> dict[str, Row]:
        path = file(name)
        return {row: _row(schema, values, f"{path}: {row}") for row, values in read_yaml(path).items()}

    path = file("questions")
    return Tables(
        devices=rows("devices", Device),
        models=rows("models", ModelRow),
        questions={name: _count(f"{path}: {name}", size) for name, size in read_yaml(path).items()},
        assumptions=_assumptions(file("assumptions")),
    )


def _assumptions(path: Path) -> Assumptions:
    found = _row(Assumptions, read_yaml(path), str(path))
    for name in SHARES:
        if getattr(found.cuda, name) > 1:
            raise UserError(f"{path}: cuda.{name} is a share, at most 1, got {getattr(found.cuda, name):g}")
    return found


def _row(schema: type[Row], values: Any, where: str) -> Row:
    """Return a row with every key of its schema, each number above 0."""
    if not isinstance(values, Mapping):
        raise UserError(f"{where} must be a group of values")
    missing = _missing(schema, values)
    if missing is not None:
        raise UserError(f"{where} lacks {missing}")
    try:
        row = build(schema, values)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    _check_positive(row, where)
    return row


def _missing(schema: Any, values: Mapping[str, Any], prefix: str = "") -> str | None:
    """Return the first key without a value."""
    inner = {"cuda": OfCuda, "cpu": OfCpu}
    for field in fields(schema):
        if field.name not in values and field.default is MISSING:
            return prefix + field.name
        value = values.get(field.name)
        if field.name in inner and isinstance(value, Mapping):
            missing = _missing(inner[field.name], value, f"{prefix}{field.name}.")
            if missing is not None:
                return missing
    return None


def _check_positive(row: Any, where: str) -> None:
    for field in fields(row):
        value = getattr(row, field.name)
        if is_dataclass(value):
            _check_positive(value, f"{where}: {field.name}")
        elif not value > 0 and not isinstance(value, bool):
            raise UserError(f"{where}: {field.name} must be above 0, got {value:g}")


def _count(where: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UserError(f"{where} must be a whole number of at least 1, got {value!r}")
    return value

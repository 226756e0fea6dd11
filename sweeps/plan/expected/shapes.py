"""The shape of a model: from its folder if that is on this machine, else from conf/planning/models.yaml."""

from __future__ import annotations

from pathlib import Path

from sspo.config import EMBEDDED_BASES
from sspo.errors import NotHere
from sspo.models.folder import whole_model
from sspo.models.hub import cached, hub_model
from sspo.models.memory.shape import NoShape, Shape, read_shape
from sweeps.plan.expected.tables import tables


def shape_for(path: str) -> Shape | None:
    """Return the shape of the model that `model.path=path` names; None if neither its folder nor the table has it.

    A folder that is not here is looked up by its name: models/Qwen2.5-Math-1.5B is Qwen/Qwen2.5-Math-1.5B. Nothing is downloaded.
    """
    hub = hub_model(path)
    if hub is None:
        return _of_folder(path) or _of_table(path)
    return _of_table(hub.repo) or (None if cached(hub) is None else _of_folder(path))


def _of_folder(path: str) -> Shape | None:
    try:
        found = read_shape(path, whole_model(path))
    except NotHere:
        return None
    return None if isinstance(found, NoShape) else found


def _of_table(path: str) -> Shape | None:
    if path in EMBEDDED_BASES:
        return None
    for name, row in tables().models.items():
        if Path(path).name.lower() == Path(name).name.lower():
            return row.shape()
    return None

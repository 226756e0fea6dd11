"""A figure is a module of its name and a line in the catalog."""

from __future__ import annotations

import importlib
import pkgutil

from analysis import figures
from analysis.figures.catalogue import FIGURES, REPLAY_FIGURES


def test_every_figure_is_listed_once_under_the_name_of_its_module() -> None:
    modules = [module.name for module in pkgutil.walk_packages(figures.__path__, f"{figures.__name__}.")]
    found = {
        name.rpartition(".")[2]: module.FIGURE
        for name in modules
        if hasattr(module := importlib.import_module(name), "FIGURE")
    }
    listed = [*FIGURES, *REPLAY_FIGURES]
    assert {figure.name: figure for figure in listed} == found
    assert len(listed) == len(found)

"""Resolves the NAME of a command: a study in conf/study/, else a multirun in the store."""

from __future__ import annotations

from pathlib import Path

from sspo.errors import unknown
from sweeps.integrations.multirun_study import study_of
from sweeps.integrations.recipes import SPECS, kept, recall
from sweeps.study.load import load, study_names
from sweeps.study.spec import Study
from sweeps.study.spec_file import has_file


def find_study(name: str, store: Path) -> Study:
    """Return the study of that name. Raises UserError, with the nearest name, if there is none."""
    if has_file(SPECS, name):
        return load(SPECS, name)
    recipe = recall(name, store)
    if recipe is None:
        raise unknown("study", name, [*study_names(SPECS), *kept(store)])
    return study_of(recipe, name)

"""Resolves the NAME of a command: a study in conf/study/, else a multirun in the store."""

from __future__ import annotations

from pathlib import Path

from sspo.config.places import conf_folders
from sspo.config.plugins.in_use import files_in_words
from sspo.errors import UserError, unknown
from sweeps.integrations.multirun_study import study_of
from sweeps.integrations.recipes import kept, recall
from sweeps.study.load import load, study_names
from sweeps.study.spec import Study
from sweeps.study.spec_file import has_file


def find_study(name: str, store: Path) -> Study:
    """Return the study of that name. Raises UserError, with the nearest name, if there is none."""
    specs = conf_folders("study")
    if has_file(specs, name):
        return load(specs, name)
    recipe = recall(name, store)
    if recipe is None:
        raise unknown("study", name, [*study_names(specs), *kept(store)])
    if files := sorted(files_in_words(recipe.words)):
        raise UserError(
            f"multirun '{name}' names {files[0]}, and a file runs only if a command or a study names it, not a store: run the "
            "same `sspo.train -m` again, with hydra.sweeper.plan=true to show what is done"
        )
    return study_of(recipe, name)

"""The journal of a tuning: one Optuna study per arm, in one file of the store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from optuna import Study

from sweeps.plan.manifest import stem
from sweeps.plan.plan import Plan
from sweeps.plan.tuned import ChosenPoint, tunings_folder
from sweeps.search.spec import Search
from sweeps.search.storage import open_storage, open_study


def journal_path(plan: Plan) -> Path:
    """Return `<store>/tunings/<stem>.journal`."""
    return tunings_folder(plan.store) / f"{stem(plan)}.journal"


def open_studies(plan: Plan, searches: Mapping[str, Search]) -> dict[str, Study]:
    """Open the Optuna study of every arm. Raises UserError for a damaged journal, and for one of a spec with a different meaning."""
    storage = open_storage(journal_path(plan))
    found = {}
    for name, search in searches.items():
        study = open_study(storage, search.name, search.meaning(plan.preset))
        assert study is not None
        found[name] = study
    return found


def note_choice(studies: Mapping[str, Study], chosen: Mapping[str, ChosenPoint]) -> None:
    """Note the chosen point of every arm on its study, where Optuna's dashboard shows it."""
    for name, found in chosen.items():
        content = {
            "chosen": dict(found.point),
            "edges": list(found.edges),
            "fitted score": [found.mean, found.sd],
        }
        for key, value in content.items():
            if json.dumps(studies[name].user_attrs.get(key)) != json.dumps(value):
                studies[name].set_user_attr(key, value)

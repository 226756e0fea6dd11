"""The decoding under which a study compares answers of different evaluations."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.importers.limits import shown
from analysis.logs.manifest import LOGGED
from sspo.errors import UserError


def comparable(rows: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """Return rows under their own decodings if these are the same for every set of every run; under `logged` if each has one decoding.

    Raises UserError otherwise.
    """
    places, decodings = [], []
    for place, of_set in rows.groupby(["run", "set"], sort=False):
        places.append(place)
        decodings.append(set(zip(of_set["mode"], of_set["temperature"].fillna(-1), strict=True)))
    if all(one == decodings[0] for one in decodings) and not rows["temperature"].isna().any():
        return rows
    for (run, group), found in zip(places, decodings, strict=True):
        if len(found) > 1:
            raise UserError(
                f"{runs[run]} answered {shown(group)} under {len(found)} decodings, which "
                "not all runs and sets have: import evaluations of one decoding each"
            )
    return rows.assign(mode=LOGGED, temperature=0.0)


def primary_decoding(rows: pd.DataFrame) -> tuple[str, float]:
    """Return the decoding of the primary metric: sampled at the highest temperature if there is any, as in our own studies."""
    found = sorted(
        set(zip(rows["mode"], rows["temperature"], strict=True)),
        key=lambda one: (one[0] == "sampled", one[1]),
    )
    mode, temperature = found[-1]
    return str(mode), float(temperature)

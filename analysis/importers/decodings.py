"""Under which decoding a study compares answers that different evaluations drew."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.importers.limits import shown
from analysis.logs.manifest import LOGGED
from sspo.errors import UserError


def comparable(rows: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """Rows as they were decoded where every set of every run was alike; under `logged` where each has one decoding."""
    places, decodings = [], []
    for place, of_set in rows.groupby(["run", "set"], sort=False):
        places.append(place)
        decodings.append(set(zip(of_set["mode"], of_set["temperature"].fillna(-1), strict=True)))
    if all(one == decodings[0] for one in decodings) and not rows["temperature"].isna().any():
        return rows
    for (run, group), found in zip(places, decodings, strict=True):
        if len(found) > 1:
            raise UserError(
                f"{runs[run]} answered {shown(group)} in {len(found)} ways of decoding, and not "
                "all runs and sets have these: import evaluations of one decoding each"
            )
    return rows.assign(mode=LOGGED, temperature=0.0)


def primary_decoding(rows: pd.DataFrame) -> tuple[str, float]:
    """Sampled at the highest temperature where there is any, as in studies of our own."""
    found = sorted(
        set(zip(rows["mode"], rows["temperature"], strict=True)),
        key=lambda one: (one[0] == "sampled", one[1]),
    )
    mode, temperature = found[-1]
    return str(mode), float(temperature)

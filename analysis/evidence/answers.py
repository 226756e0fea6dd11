"""Which answers of the held-out evaluations count: the last final evaluation of a run, and only where it is whole."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

ANSWER = ["run", "rollout", "final", "set", "question", "mode", "temperature", "sample"]


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Each answer once: a run resumed between its last evaluation and its marker evaluates again, the later counts."""
    return rows.drop_duplicates(ANSWER, keep="last")


def last_final(rows: pd.DataFrame) -> pd.DataFrame:
    """Final answers of each run's latest final evaluation: a diverged run that was retried may have two."""
    final = rows[rows["final"]]
    return final[final["rollout"] == final.groupby("run")["rollout"].transform("max")]


def complete(final: pd.DataFrame, base_runs: Collection[int]) -> pd.DataFrame:
    """Final answers of the runs that have as many in every set and decoding as any run of their kind.

    The untrained base, which may be sampled more often, is compared with base runs alone.
    """
    if final.empty:
        return final
    decodings = ["set", "mode", "temperature"]
    counts = final.groupby(["run", *decodings], observed=True).size().unstack(decodings, fill_value=0)
    is_base = counts.index.isin(base_runs)
    whole: list[int] = []
    for kind in (counts[is_base], counts[~is_base]):
        whole += kind.index[(kind == kind.max()).all(axis=1)].tolist()
    return final[final["run"].isin(whole)]

"""Held-out accuracy at T = 1 while training: every point of every run on the same questions."""

from __future__ import annotations

import pandas as pd

from analysis.evidence.evidence import Evidence


def curve_answers(evidence: Evidence) -> pd.DataFrame:
    """Return answers at T = 1 (imported: logged scores) of the evaluations while training, or of the final ones if there are none; unfinished evaluations are left out."""
    rows = evidence.evaluation
    trained = [r for arm in evidence.study.with_role("arm", "no_clip", "aa") for r in evidence.counted(arm)]
    study = evidence.study
    mode, temperature = (study.mode, study.temperature) if study.imported else ("sampled", 1.0)
    rows = rows[(rows["mode"] == mode) & (rows["temperature"] == temperature) & rows["run"].isin(trained)]
    if not rows["final"].all():
        rows = rows[~rows["final"]]
    sizes = rows.groupby(["run", "rollout"])["value"].transform("size")
    return rows[sizes == sizes.max()]


def held_out(evidence: Evidence) -> pd.DataFrame:
    """Return the mean over sets by rollout (index; -1 is before the first) and run (columns)."""
    rows = curve_answers(evidence)
    by_set = rows.groupby(["rollout", "run", "set"], observed=True)["value"].mean()
    return by_set.groupby(level=["rollout", "run"]).mean().astype("float64").unstack("run")


def base_line(evidence: Evidence) -> float | None:
    """Return the untrained base's score at T = 1 on the questions of the curves; None if it did not answer all of them."""
    asked = curve_answers(evidence)[["set", "question"]].drop_duplicates()
    rows = _base_answers(evidence).merge(asked.astype(str), on=["set", "question"])
    if asked.empty or len(rows[["set", "question"]].drop_duplicates()) < len(asked):
        return None
    return float(rows.groupby("set", observed=True)["value"].mean().mean())


def base_samples(evidence: Evidence) -> int:
    """Return the untrained base's samples per question at T = 1."""
    return int(_base_answers(evidence)["sample"].nunique())


def _base_answers(evidence: Evidence) -> pd.DataFrame:
    runs = [r for arm in evidence.study.with_role("base") for r in evidence.counted(arm)]
    rows = evidence.final
    return rows[(rows["mode"] == "sampled") & (rows["temperature"] == 1.0) & rows["run"].isin(runs)]

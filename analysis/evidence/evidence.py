"""Compact logs to per-run scores. Scores are shares in [0, 1], which tables convert to points, or
values of an imported metric in its own unit."""

from __future__ import annotations

import functools
from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.logs.compact import STATED, Logs
from analysis.logs.manifest import ARMS, Arm, Study, from_manifest
from analysis.logs.run_folders import COUNTED
from analysis.statistics import EvaluationError, evaluation_error, majority, pass_at_k
from analysis.text.unit import PERCENT, Unit, own_unit

AVERAGE = "average"
GREEDY = ("greedy", 0.0)


class Evidence:
    """A study with its logs, and the scores that all tables, gates and figures share. Runs of a tuning are in none of them."""

    def __init__(self, logs: Logs):
        self.whole = logs
        """All logs: those of a tuning too."""
        self.logs = logs = logs.part(ARMS)
        self.study: Study = from_manifest(logs.manifest)
        self.runs = pd.DataFrame(list(logs.runs))
        self.evaluation = distinct(logs.evaluation)
        base_runs = [r for arm in self.study.with_role("base") for r in self.counted(arm)]
        self.by_question = self.study.imported and any(record.get("scored_by") for record in logs.runs)
        """Whether its answers were imported one by one: the import checked that none is missing, and each evaluation has
        its own questions and samples."""
        self.logged = self.study.imported and not self.by_question
        """Whether its scores are values of a logged metric, which need not be held-out."""
        final = last_final(self.evaluation)
        self.final = final if self.by_question else complete(final, base_runs)
        """Answers that enter scores."""
        self.sets: tuple[str, ...] = tuple(str(s) for s in self.evaluation["set"].drop_duplicates())

    @functools.cached_property
    def questions(self) -> pd.DataFrame:
        """Return the final evaluation, one row per run, set, question and decoding: mean over samples and their number."""
        keys = ["run", "mode", "temperature", "set", "question"]
        grouped = self.final.groupby(keys, observed=True, sort=False)["value"]
        return grouped.agg(["mean", "count"]).astype(np.float64).reset_index()

    def scores(self, mode: str, temperature: float) -> pd.DataFrame:
        """Return avg@k per run (index) and set, and the unweighted average over sets; runs that lack a set are left out."""
        if (mode, temperature) not in self._scored:
            self._scored[mode, temperature] = self._by_set(self._decoded(mode, temperature), "mean")
        return self._scored[mode, temperature]

    @functools.cached_property
    def _scored(self) -> dict[tuple[str, float], pd.DataFrame]:
        """Cache of scores by decoding."""
        return {}

    @functools.cached_property
    def primary(self) -> pd.DataFrame:
        """Return the scores of the study's primary metric."""
        return self.scores(self.study.mode, self.study.temperature)

    @functools.cached_property
    def unit(self) -> Unit:
        """Return the unit of scores: for imported logs, the metric's own unless the import states how it becomes a share."""
        said = self.logs.manifest["primary"]
        if self.study.imported and said.get("scale") is None:
            return own_unit(self.primary.to_numpy(np.float64), said.get("unit"))
        return PERCENT

    def passes(self, k: int, temperature: float) -> pd.DataFrame:
        """Return unbiased pass@k per run and set, and the average; empty if a question has fewer than k samples. Runs whose values
        are not verdicts are left out."""
        q = self._decoded("sampled", temperature)
        q = q[(q["count"] >= k) & ~q["run"].isin(self._graded(temperature))]
        values = [
            pass_at_k(int(n), round(mean * n), k) for mean, n in zip(q["mean"], q["count"], strict=True)
        ]
        return self._by_set(q.assign(passed=values), "passed")

    def majorities(self, k: int, temperature: float) -> pd.DataFrame:
        """Return unbiased maj@k per run and set, and the average; empty if answers were not logged. A run without logged answers at
        this temperature is left out."""
        rows = self.final
        if STATED.name not in rows:
            return self._by_set(self._decoded("sampled", temperature).iloc[:0].assign(won=0.0), "won")
        rows = rows[(rows["mode"] == "sampled") & (rows["temperature"] == temperature)]
        rows = rows[rows["run"].isin(rows.loc[rows[STATED.name].notna(), "run"])]
        rows = rows[~rows["run"].isin(self._graded(temperature))]
        stated = rows[STATED.name].astype(object).where(rows[STATED.name].notna(), None)
        votes = rows.assign(stated=stated).groupby(["run", "set", "question"], observed=True, sort=False)
        won = [
            (*place, majority(of["value"].tolist(), of["stated"].tolist(), k))
            for place, of in votes
            if len(of) >= k
        ]
        return self._by_set(pd.DataFrame(won, columns=["run", "set", "question", "won"]), "won")

    def _graded(self, temperature: float) -> list[int]:
        """Return the runs with a sampled value that is neither right nor wrong."""
        rows = self.final[(self.final["mode"] == "sampled") & (self.final["temperature"] == temperature)]
        return [int(run) for run in rows.loc[~rows["value"].isin((0.0, 1.0)), "run"].unique()]

    def _by_set(self, questions: pd.DataFrame, column: str) -> pd.DataFrame:
        table = questions.groupby(["run", "set"], observed=True)[column].mean().unstack("set")
        table.columns = [str(c) for c in table.columns]
        table = table.reindex(columns=list(self.sets)).dropna()
        table[AVERAGE] = table.mean(axis=1)
        return table

    def _decoded(self, mode: str, temperature: float) -> pd.DataFrame:
        q = self.questions
        return q[(q["mode"] == mode) & (q["temperature"] == temperature)]

    def of_arm(self, table: pd.DataFrame, arm: Arm, column: str = AVERAGE) -> dict[int, float]:
        """Return seed to value for the arm's runs in the table."""
        runs, seeds = self._planned[arm.name]
        place = table.index.get_indexer(runs)
        scores = table[column].to_numpy()[place[place >= 0]]
        return {int(seed): float(score) for seed, score in zip(seeds[place >= 0], scores, strict=True)}

    def of_cell(self, table: pd.DataFrame, arm: Arm, column: str = AVERAGE) -> dict[int, float]:
        """Return seed to value for the arm's cell, including the runs of its A/A arms: the same cell under other seeds."""
        found: dict[int, float] = {}
        for same in self.same_cell(arm):
            found |= self.of_arm(table, same, column)
        return found

    def same_cell(self, arm: Arm) -> list[Arm]:
        """Return the arm, and its A/A arms on seeds that it does not have; for an A/A arm, only itself."""
        copies = [a for a in self.study.with_role("aa") if a.copy_of == arm.name and a.cell == arm.cell]
        return [arm, *(copy for copy in copies if not set(copy.seeds) & set(arm.seeds))]

    def counted_of_cell(self, arm: Arm) -> list[int]:
        """Return the indices of the done and diverged runs of the arm's cell."""
        return [run for same in self.same_cell(arm) for run in self.counted(same)]

    def counted(self, arm: Arm) -> list[int]:
        """Return the indices of the arm's done and diverged runs."""
        return self._counted.get(arm.name, [])

    @functools.cached_property
    def _planned(self) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return arm to the indices and seeds of its runs."""
        planned = {}
        for arm in self.study.arms:
            mine = self.runs.loc[self.runs["arm"] == arm.name, "seed"]
            planned[arm.name] = mine.index.to_numpy(), mine.to_numpy()
        return planned

    @functools.cached_property
    def _counted(self) -> dict[str, list[int]]:
        counted = self.runs[self.runs["status"].isin(COUNTED)]
        return {str(arm): [int(r) for r in runs] for arm, runs in counted.groupby("arm").groups.items()}

    def evaluation_errors(self, mode: str, temperature: float) -> dict[int, EvaluationError]:
        """Return the standard errors of the average of each scored trained run under one decoding."""
        if (mode, temperature) not in self._errors:
            self._errors[mode, temperature] = self._evaluation_errors(mode, temperature)
        return self._errors[mode, temperature]

    @functools.cached_property
    def _errors(self) -> dict[tuple[str, float], dict[int, EvaluationError]]:
        """Cache of evaluation errors by decoding."""
        return {}

    def _evaluation_errors(self, mode: str, temperature: float) -> dict[int, EvaluationError]:
        trained = [r for arm in self.study.with_role("arm", "no_clip", "aa") for r in self.counted(arm)]
        rows, scored = self.final, self.scores(mode, temperature).index
        keep = (rows["mode"] == mode) & (rows["temperature"] == temperature)
        rows = rows[keep & rows["run"].isin([r for r in trained if r in scored])]
        return errors_by_run(rows)


def errors_by_run(rows: pd.DataFrame) -> dict[int, EvaluationError]:
    """Return the standard errors of each run's unweighted mean over the sets in these rows of one decoding."""
    return {run: evaluation_error(list(sets.values())) for run, sets in matrices_by_run(rows).items()}


def matrices_by_run(rows: pd.DataFrame) -> dict[int, dict[str, NDArray[np.float64]]]:
    """Return, by run and set, the values of its answers under one decoding: one row per question and one column per sample."""
    if rows.empty:
        return {}
    names = rows["set"].cat.categories
    keyed = rows.assign(set=rows["set"].cat.codes, question=rows["question"].cat.codes)
    table = keyed.set_index(["run", "set", "question", "sample"])["value"].unstack("sample")
    runs, sets = (table.index.get_level_values(name).to_numpy() for name in ("run", "set"))
    starts = np.flatnonzero(
        np.diff(runs, prepend=-1) | np.diff(sets, prepend=-1)
    )  # unstacked rows are sorted
    parts = np.split(table.to_numpy(np.float64), starts[1:])
    matrices: dict[int, dict[str, NDArray[np.float64]]] = {}
    for run, of, values in zip(runs[starts], sets[starts], parts, strict=True):
        values = values[:, ~np.isnan(values).all(axis=0)]
        matrices.setdefault(int(run), {})[str(names[of])] = values[~np.isnan(values).any(axis=1)]
    return matrices


def values(evidence: Evidence, scores: pd.DataFrame, arm: Arm, column: str = AVERAGE) -> list[float]:
    """Return the run-level values of an arm's cell, by ascending seed."""
    return [value for _, value in sorted(evidence.of_cell(scores, arm, column).items())]


def trained_arms(evidence: Evidence) -> list[Arm]:
    """Return the arms with a scored run, apart from the base, in the manifest's order."""
    trained = evidence.study.with_role("arm", "no_clip", "aa")
    return [arm for arm in trained if values(evidence, evidence.primary, arm)]


ANSWER = ["run", "rollout", "final", "set", "question", "mode", "temperature", "sample"]


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Return each answer once: a run that is resumed between its last evaluation and its marker evaluates again; the later counts."""
    return rows.drop_duplicates(ANSWER, keep="last")


def last_final(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the answers of each run's latest final evaluation: a diverged run that was retried may have two."""
    final = rows[rows["final"]]
    return final[final["rollout"] == final.groupby("run")["rollout"].transform("max")]


def complete(final: pd.DataFrame, base_runs: Collection[int]) -> pd.DataFrame:
    """Return the final answers of the runs with as many answers in every set and decoding as any run of their kind.

    The untrained base, which may be sampled more often, is compared only with base runs.
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

"""The curves of a running study: which arms are drawn, and their charts, redrawn at intervals and only if
there is a new point.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.evidence.curve_rows import Curve
from analysis.evidence.evidence import Evidence
from analysis.figures.catalogue import CURVES
from analysis.figures.curves import held_out_accuracy
from analysis.figures.curves.chart import curve_chart
from analysis.figures.model import Chart
from analysis.live.logs import KEYS, Evaluations, MetricSums, Question
from analysis.live.runs import LiveRun, WatchedRun
from analysis.logs.compact import EVAL_SCHEMA, Logs
from analysis.logs.jsonl import BadLine
from analysis.logs.manifest import Arm, Study
from analysis.logs.run_files import DONE, MISSING, RUNNING, Damaged, damaged_log
from analysis.logs.run_folders import COUNTED, METRIC_COLUMNS
from sspo.runs import runlog

MOST_ARMS, MOST_RUNS = 40, 1000
"""The most arms and runs whose curves are drawn."""
FEW_RUNS = 200
"""Above this number of runs only means are drawn, without a line per run."""
OFTENEST = 4.0
"""Seconds between two drawings, and at least SHARE times the duration of the last one."""
SHARE = 20.0
NO_LINES = "There are too many runs for one line per run; the report has them."


@dataclass
class _Logged:
    points: MetricSums
    evaluations: Evaluations


@dataclass(frozen=True)
class DrawnCharts:
    """Charts by figure name, and how many of the study's arms they show."""

    charts: Mapping[str, Chart] = field(default_factory=dict)
    arms: int = 0
    of: int = 0


class LiveCurves:
    """Reads the logs of the drawn runs as they grow."""

    def __init__(
        self, manifest: Mapping[str, Any], study: Study, clock: Callable[[], float] = time.monotonic
    ):
        self._manifest, self._study, self._clock = manifest, study, clock
        self._logs: dict[tuple[str, int], _Logged] = {}
        self._asked: dict[frozenset[Question], frozenset[Question]] = {}
        self._news, self._next, self._drawn = True, 0.0, DrawnCharts()
        self._states: list[tuple[str, int, str]] = []

    def read(
        self, watched: Mapping[tuple[str, int], WatchedRun], chosen: Sequence[Arm]
    ) -> dict[tuple[str, int], Damaged]:
        """Read what the chosen arms' runs have written since the last call. Return the damaged logs by run."""
        names = {arm.name for arm in chosen}
        self._logs = {key: log for key, log in self._logs.items() if key[0] in names}
        damaged = {}
        for arm in chosen:
            for seed in arm.seeds:
                run = watched[arm.name, seed]
                if run.run.state == MISSING:
                    continue
                try:
                    self._read(arm.name, seed, run)
                except Damaged as error:
                    damaged[arm.name, seed] = error
        return damaged

    def _read(self, arm: str, seed: int, run: WatchedRun) -> None:
        folder = run.folder
        if (arm, seed) not in self._logs:
            self._logs[arm, seed] = _Logged(
                MetricSums(folder / runlog.METRICS), Evaluations(folder / runlog.EVAL)
            )
        logs = self._logs[arm, seed]
        try:
            name = runlog.METRICS
            self._news |= logs.points.read()
            name = runlog.EVAL
            self._news |= logs.evaluations.read(self._asked)
        except BadLine as error:
            raise damaged_log(name, error) from error
        except OSError as error:
            raise Damaged(name, f"cannot read {name}: {error.strerror}") from error

    def draw(self, runs: Sequence[LiveRun], chosen: Sequence[Arm]) -> DrawnCharts:
        """Return the charts: the previous ones if there is no new point, or if they were drawn a moment ago."""
        now = self._clock()
        states = [(run.arm, run.seed, run.state) for run in runs]
        if not (self._news or states != self._states) or now < self._next:
            return self._drawn
        began = time.monotonic()
        self._drawn = self._draw(runs, chosen)
        self._news, self._states = False, states
        self._next = now + max(OFTENEST, SHARE * (time.monotonic() - began))
        return self._drawn

    def _draw(self, runs: Sequence[LiveRun], chosen: Sequence[Arm]) -> DrawnCharts:
        names = {arm.name for arm in chosen}
        shown = [run for run in runs if run.arm in names]
        evidence = self._evidence(shown, names)
        if evidence is None:
            return DrawnCharts()
        charts = {}
        most_run_points = 0 if len(shown) > FEW_RUNS else None
        for figure in CURVES:
            logged = figure is not held_out_accuracy.FIGURE
            curves = (figure.data(evidence) or []) if logged else self._held_out(evidence, shown)
            chart = curve_chart(evidence, figure.name, curves, most_run_points=most_run_points)
            if chart is not None:
                charts[figure.name] = replace(chart, note=NO_LINES if chart.note else "")
        trained = [arm for arm in self._study.arms if arm.role != "base"]
        return DrawnCharts(charts, sum(arm.role != "base" for arm in chosen), len(trained))

    def _evidence(self, runs: Sequence[LiveRun], names: set[str]) -> Evidence | None:
        """Return evidence with one row per run and rollout in place of the logs; None before any run has
        logged a step.
        """
        logs = [self._logs.get((run.arm, run.seed)) for run in runs]
        stride = max((log.points.stride for log in logs if log is not None), default=1)
        frames = []
        for index, log in enumerate(logs):
            if log is not None and log.points.sums:
                rollouts, means = log.points.means(stride)
                frames.append(pd.DataFrame(means, columns=list(KEYS)).assign(run=index, rollout=rollouts))
        if not frames:
            return None
        metrics = pd.concat(frames, ignore_index=True)
        metrics = metrics.assign(step=metrics["rollout"], update=0).reindex(
            columns=["run", *METRIC_COLUMNS.names]
        )
        manifest = {**self._manifest, "arms": [a for a in self._manifest["arms"] if str(a["name"]) in names]}
        records = tuple(self._record(run, log) for run, log in zip(runs, logs, strict=True))
        return Evidence(Logs(manifest, records, metrics, EVAL_SCHEMA.empty_table().to_pandas()))

    def _record(self, run: LiveRun, log: _Logged | None) -> dict[str, Any]:
        """Return the run's record as in runs.json; a run that has only started counts as present, so that
        curves include it.
        """
        started = log is not None and bool(log.points.sums or log.evaluations.found)
        status = run.state if run.state in (*COUNTED, MISSING) else DONE if started else RUNNING
        return {"arm": run.arm, "seed": run.seed, "cell": run.cell, "status": status, "ratio": run.ratio}

    def _held_out(self, evidence: Evidence, runs: Sequence[LiveRun]) -> list[Curve]:
        """Return the held-out curve as in a report: the smaller evaluations if there are any, and of those
        only complete ones.
        """
        roles = {arm.name: arm.role for arm in evidence.study.arms}
        found = {
            (rollout, final, index): one
            for index, run in enumerate(runs)
            if roles[run.arm] != "base" and (log := self._logs.get((run.arm, run.seed))) is not None
            for (rollout, final), one in log.evaluations.found.items()
        }
        kept = {key: one for key, one in found.items() if not key[1]} or found
        most = max((one.answers for one in kept.values()), default=0)
        whole = {key: one for key, one in kept.items() if one.answers == most}
        if not whole:
            return []
        table = pd.Series({(rollout, index): one.mean for (rollout, _, index), one in whole.items()})
        asked = frozenset().union(*{one.asked for one in whole.values()})
        base = [r for r in runs if roles[r.arm] == "base"]
        return [Curve("held-out accuracy %", _by_run(table), reference=self._base(base, asked))]

    def _base(self, runs: Sequence[LiveRun], asked: frozenset[Question]) -> float | None:
        """Return the untrained base's score on the questions of the curves; None if it has not answered them
        all.
        """
        by_set: dict[str, list[float]] = {}
        answered = set()
        for run in runs:
            log = self._logs.get((run.arm, run.seed))
            for question, values in {} if log is None else log.evaluations.values.items():
                if question in asked:
                    answered.add(question)
                    by_set.setdefault(question[0], []).extend(values)
        if answered != asked:
            return None
        return float(np.mean([np.mean(values) for values in by_set.values()]))


def _by_run(points: pd.Series) -> pd.DataFrame:
    points.index.names = ["rollout", "run"]
    return points.astype(np.float64).unstack("run").sort_index()


def drawn_arms(study: Study, runs: Sequence[LiveRun]) -> tuple[Arm, ...]:
    """Return the arms that curves show, in the study's order.

    The base and the references of tests come first, then arms that are training, then the others, up to
    MOST_ARMS and MOST_RUNS.
    """
    training = {run.arm for run in runs if run.state == RUNNING}
    references = {arm.name for arm in study.references()}

    def order(arm: Arm) -> int:
        return 0 if arm.role == "base" or arm.name in references else 1 if arm.name in training else 2

    chosen: set[str] = set()
    count = 0
    for arm in sorted(study.arms, key=order):
        if chosen and (len(chosen) >= MOST_ARMS or count + len(arm.seeds) > MOST_RUNS):
            break
        chosen.add(arm.name)
        count += len(arm.seeds)
    needed = {study.baseline} | {arm.against for arm in study.arms if arm.name in chosen and arm.against}
    return tuple(arm for arm in study.arms if arm.name in chosen | needed)

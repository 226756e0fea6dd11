"""The tables of a report by name, in page order. To add a table, write its module and add its line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from analysis.evidence.evidence import Evidence
from analysis.evidence.replay import Replay
from analysis.tables.base import base_table
from analysis.tables.by_question import by_question_table
from analysis.tables.collapse import collapse_table
from analysis.tables.contamination import contamination_table
from analysis.tables.dynamics import dynamics_table
from analysis.tables.effects import effects_table
from analysis.tables.evaluation import evaluation_table
from analysis.tables.grading import grading_table
from analysis.tables.learning import learning_table
from analysis.tables.replay.equal_clipping import replay_table
from analysis.tables.replay.law import law_table
from analysis.tables.results import greedy_results, primary_results, results_by_set
from analysis.tables.sampler import sampler_table
from analysis.tables.single_runs import single_runs_table
from analysis.tables.stability import stability_table
from analysis.tables.standing import standing_table
from analysis.tables.tuning.defaults import default_results
from analysis.tables.tuning.ranking import ranking_table
from analysis.tables.tuning.spent import tuning_table
from analysis.tables.tuning.trials import trials_table
from analysis.text.table import Table

TABLES: Mapping[str, Callable[[Evidence], Table | None]] = {
    "results": primary_results,
    "results_by_set": results_by_set,
    "results_greedy": greedy_results,
    "tuning": tuning_table,
    "ranking": ranking_table,
    "tuning_trials": trials_table,
    "results_default": default_results,
    "standing": standing_table,
    "learning": learning_table,
    "by_question": by_question_table,
    "single_runs": single_runs_table,
    "evaluation": evaluation_table,
    "base": base_table,
    "dynamics": dynamics_table,
    "stability": stability_table,
    "effects": effects_table,
    "collapse": collapse_table,
    "sampler": sampler_table,
    "grading": grading_table,
    "contamination": contamination_table,
}
"""A table is None if there is nothing to show."""
IN_ONE_COLUMN = ("results",)
"""Tables that also have a short form for one column of a paper: NAME_short.tex."""
REPLAY_TABLES: Mapping[str, Callable[[Replay, Iterable[str]], Table | None]] = {
    "replay": replay_table,
    "law": law_table,
}
"""Tables of a replay, given also what else a reader of them must know."""

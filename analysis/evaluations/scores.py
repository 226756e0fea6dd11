"""One evaluation under one decoding: scores with their errors over questions, pass@k and maj@k."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.evidence.by_question import by_set
from analysis.importers.outcomes.outcomes import Outcomes
from analysis.statistics import majority, pass_at_k, question_error

GREEDY = "greedy"
QUESTION = ["set", "question"]


@dataclass(frozen=True)
class Score:
    """A mean, and its standard error over questions: None for one question."""

    mean: float
    error: float | None


@dataclass(frozen=True)
class Block:
    """The rows of one evaluation under one decoding."""

    mode: str
    temperature: float | None
    """None if it is not recorded."""
    rows: pd.DataFrame

    @property
    def label(self) -> str:
        """Return the decoding in words."""
        if self.mode == GREEDY:
            return GREEDY
        return "sampled" if self.temperature is None else f"T = {self.temperature:g}"

    @functools.cached_property
    def means(self) -> pd.Series:
        """Return the mean over samples, by set and question."""
        return self.rows.groupby(QUESTION, sort=False)["value"].mean()

    @functools.cached_property
    def sets(self) -> tuple[str, ...]:
        """Return the sets in the order of the file."""
        return tuple(str(name) for name in self.rows["set"].drop_duplicates())

    @functools.cached_property
    def samples(self) -> tuple[int, int]:
        """Return the fewest and the most samples of a question."""
        counts = self.rows.groupby(QUESTION, sort=False).size()
        return int(counts.min()), int(counts.max())

    def score(self, *sets: str) -> Score:
        """Return the unweighted mean over these sets."""
        parts = by_set(self.means[self.means.index.get_level_values("set").isin(sets)])
        return Score(float(np.mean([part.mean() for part in parts])), question_error(parts))

    def passed(self, k: int) -> float | None:
        """Return unbiased pass@k, averaged over sets; None if a value is neither right nor wrong. Raises ValueError if a question
        has fewer samples."""
        if not self.verdicts:
            return None
        return self._over_sets(
            {place: pass_at_k(len(v), sum(x >= 1 for x in v), k) for place, v, _ in self._questions()}
        )

    def won(self, k: int) -> float | None:
        """Return unbiased maj@k, averaged over sets; None if a value is neither right nor wrong, or if no answer was logged."""
        if not self.verdicts or not self.rows["answer"].notna().any():
            return None
        return self._over_sets({place: majority(v, a, k) for place, v, a in self._questions()})

    @property
    def verdicts(self) -> bool:
        """Return whether every value is 0 or 1: a graded reward does not mark answers as right."""
        return bool(self.rows["value"].isin((0.0, 1.0)).all())

    @property
    def truncated(self) -> float | None:
        """Return the share of truncated answers, averaged over sets; None unless it is known for all."""
        return self._mean("truncated")

    @property
    def tokens(self) -> float | None:
        """Return the mean tokens per answer, averaged over sets; None unless they are known for all."""
        return self._mean("tokens")

    def _mean(self, column: str) -> float | None:
        if self.rows[column].isna().any():
            return None
        return float(self.rows[column].astype(float).groupby(self.rows["set"]).mean().mean())

    def _questions(self) -> Iterator[tuple[tuple[str, str], list[float], list[str | None]]]:
        for place, rows in self.rows.groupby(QUESTION, sort=False):
            yield place, rows["value"].tolist(), rows["answer"].tolist()

    def _over_sets(self, by_question: Mapping[tuple[str, str], float]) -> float:
        values: dict[str, list[float]] = {}
        for (name, _), value in by_question.items():
            values.setdefault(name, []).append(value)
        return float(np.mean([np.mean(of_set) for of_set in values.values()]))


def blocks(outcomes: Outcomes) -> list[Block]:
    """Split an evaluation by decoding: greedy first, then by temperature, and last those with an unknown one."""
    rows = outcomes.rows
    how = rows["temperature"].mask(
        rows["mode"] == GREEDY, 0.0
    )  # tools record different temperatures for greedy answers
    found = [
        Block(str(mode), None if math.isnan(temperature) else float(temperature), part)
        for (mode, temperature), part in rows.groupby(["mode", how], sort=False, dropna=False)
    ]
    return sorted(found, key=lambda b: (b.mode != GREEDY, b.temperature is None, b.temperature or 0.0))

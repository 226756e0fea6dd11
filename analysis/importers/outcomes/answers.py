"""Answers one by one to the rows of `Outcomes`: no answer twice, one text per question, equal numbers of samples."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any

import pandas as pd

from analysis.importers.limits import check_cells, clean, shown
from analysis.importers.outcomes.outcomes import COLUMNS
from sspo.errors import UserError

MOST_SAMPLES = 2**15 - 1
"""Samples of one question: the most that the compact logs can number."""
LONGEST = 120
"""Maximum characters of a setting, a set or a question's name."""


@dataclass(frozen=True)
class DecodingSettings:
    """The decoding of answers: greedy or sampled, and the temperature (NaN if it is not recorded)."""

    mode: str
    temperature: float


UNKNOWN = DecodingSettings("sampled", math.nan)
GREEDY = DecodingSettings("greedy", 0.0)


def decoding(temperature: Any, do_sample: Any = None) -> DecodingSettings:
    """Interpret a tool's settings. Greedy means no sampling, or a temperature of 0."""
    known = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if do_sample is False or (known and temperature == 0):
        return GREEDY
    return DecodingSettings("sampled", float(temperature)) if known and temperature > 0 else UNKNOWN


@dataclass(frozen=True)
class Answer:
    """One row, in the order of COLUMNS."""

    set: str
    question: str
    mode: str
    temperature: float
    sample: int
    value: float
    status: str
    tokens: float
    truncated: bool | None
    answer: str | None


class AnswerCollector:
    """Gathers the answers of one evaluation. `where` names its files in messages."""

    def __init__(self, where: str):
        self.where = where
        self.rows: list[Answer] = []
        self._texts: dict[tuple[str, str], str] = {}
        self._samples: Counter[tuple[str, str]] = Counter()

    def add(
        self, group: str, name: Any, text: str, value: float, *, drawn: DecodingSettings = UNKNOWN, sample: int | None = None,
        tokens: float = math.nan, truncated: bool | None = None, answer: str | None = None, found: bool = True,
    ) -> None:  # fmt: skip
        """Add the answer to a question that `name` (an id, or None) and `text` (of which a digest is kept) identify; `found`
        is whether the tool found an answer in the response."""
        if (name is None or name == "") and not text:
            raise UserError(
                f"{self.where} has results without question ids: answers to the same question cannot be matched, "
                "so arms cannot be compared; export them with ids"
            )
        set_name = clean(" ".join(group.split()))[:LONGEST]
        key = (set_name, str(name))
        if name not in (None, "") and self._texts.setdefault(key, text) != text:
            raise UserError(f"{self.where} has two different texts for question {shown(name)} of {set_name}")
        question = question_id(name, text)
        number = self._samples[set_name, question] if sample is None else sample
        self._samples[set_name, question] += 1
        check_cells(self.where, len(self.rows) + 1, len(COLUMNS))
        status = status_of(value, truncated, found)
        row = Answer(
            set_name,
            question,
            drawn.mode,
            drawn.temperature,
            number,
            value,
            status,
            tokens,
            truncated,
            answer,
        )
        self.rows.append(row)

    def frame(self) -> pd.DataFrame:
        """Return the rows. Raises UserError if an answer appears twice, or if questions of a set differ in their number of samples."""
        frame = pd.DataFrame([astuple(row) for row in self.rows], columns=list(COLUMNS))
        answer = frame["answer"].astype(object)
        return checked(frame.assign(answer=answer.where(answer.notna(), None)), self.where)


def checked(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the rows of one evaluation. Raises UserError unless every answer appears once, and all questions of a set have equally many."""
    if frame.empty:
        raise UserError(f"{where} has no answer")
    keys = ["set", "question", "mode", "temperature"]
    twice = frame[frame.duplicated([*keys, "sample"])]
    if len(twice):
        row = twice.iloc[0]
        raise UserError(
            f"{where} has sample {row['sample']} of question {shown(row['question'])} of {row['set']} twice: pass each once"
        )
    counts = frame.groupby(keys, dropna=False, sort=False).size()
    if counts.max() > MOST_SAMPLES:
        raise UserError(
            f"{where} has {counts.max():,} samples of one question: at most {MOST_SAMPLES:,} are read"
        )
    most = counts.groupby(level=["set", "mode", "temperature"], dropna=False).transform("max")
    if (counts < most).any():
        at = int((counts < most).to_numpy().argmax())
        group, question = counts.index[at][:2]
        raise UserError(
            f"{where} is incomplete: question {shown(question)} of {group} has {counts.iloc[at]} of {most.iloc[at]} samples"
        )
    return frame


def question_id(name: Any, text: str) -> str:
    """Return an id that contains a digest of the text, so that arms pair only on questions that are the same in both."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16] if text else ""
    short = clean(" ".join(str(name).split()))[:LONGEST] if name not in (None, "") else ""
    return ":".join(piece for piece in (short, digest) if piece)


def status_of(value: float, truncated: bool | None, found: bool) -> str:
    """Return a key of sspo.types.STATUSES; partial credit counts as right."""
    if value > 0:
        return "ok"
    return "truncated" if truncated else "wrong" if found else "unparsable"


def settings(found: Mapping[str, Any]) -> dict[str, str]:
    """Return the known settings of a scoring, as short texts on one line."""
    return {name: text for name, value in found.items() if (text := _short(value))}


def _short(value: Any) -> str:
    if value is None or isinstance(value, bool | list | dict):
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    text = clean(" ".join(text.split()))
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def merged(of_sets: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Merge the scorings of several sets: shared settings as they are, others set by set."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for one in of_sets.values() for name in one):
        values = {group: one[name] for group, one in of_sets.items() if name in one}
        alike = len(set(values.values())) == 1
        found[name] = (
            next(iter(values.values())) if alike else "; ".join(f"{g}: {v}" for g, v in values.items())
        )
    return found


def last_part(name: Any) -> str | None:
    """Return the end of a model's name or path: a machine's folders are private."""
    return name.rstrip("/").rsplit("/", 1)[-1] or None if isinstance(name, str) else None


def samples_of(rows: Iterable[Answer]) -> int:
    """Return the samples per question, counted for the first one."""
    counts = Counter((row.set, row.question) for row in rows)
    return next(iter(counts.values()), 0)

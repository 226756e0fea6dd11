"""Signs that the base model, or the training set, knew the questions of the evaluation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from analysis.evidence.evidence import Evidence
from analysis.logs.contamination import CheckedSet, Completion, checked_runs
from analysis.logs.trace import CONTAMINATION, trace
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table
from sspo.metrics.wilson import wilson
from sspo.runs.contamination import NGRAM, SHARES, in_percent

NAMED = 3
"""Checks that the notes name per set, among those that are not shown."""


def contamination_table(evidence: Evidence) -> Table | None:
    """Return completed and overlapping questions by set, in percent; None if the study's base was not
    checked.

    If a set has several checks, options decide which one is shown, and the notes name the others.
    """
    runs = checked_runs(evidence.logs.manifest, evidence.logs.runs)
    bases = set(evidence.runs["base"].dropna())
    known = [one for one in evidence.logs.contamination if one.name in evidence.sets and one.base in bases]
    completed, others = _chosen([one for one in known if one.completion], _as_completed, _completed_with)
    compared, more = _chosen([one for one in known if one.overlap is not None], _as_compared, _compared_with)
    found = sorted({*completed, *compared}, key=lambda key: (key[0], evidence.sets.index(key[1])))
    if not found:
        return None
    shares = sorted({row.share for one in completed.values() for row in one.completion})
    columns = (
        "set",
        *(["asked"] if shares else []),
        *(f"EM % after {in_percent(share)} %" for share in shares),
        *(f"ROUGE-L after {in_percent(share)} %" for share in shares),
        *(["compared", "overlap %"] if compared else []),
    )
    rows = [
        Row(
            "sets",
            (
                _first(base, name, several=len({base for base, _ in found}) > 1),
                *_completion_cells(completed.get((base, name)), shares, runs),
                *(_overlap_cells(compared.get((base, name)), runs) if compared else ()),
            ),
        )
        for base, name in found
    ]
    return Table(
        "contamination",
        (
            "Signs that the base model had seen the evaluation questions, or that the training set contains them. Finding none is not proof.",
        ),
        columns,
        tuple(rows),
        title="Signs of contamination",
        notes=_notes(list(completed.values()), list(compared.values()), [*others, *more]),
        meanings=_meanings(columns),
    )


Chosen = dict[tuple[str, str], CheckedSet]


def _chosen(
    several: Sequence[CheckedSet],
    order: Callable[[CheckedSet], tuple[Any, ...]],
    words: Callable[[CheckedSet], str],
) -> tuple[Chosen, list[str]]:
    """Return, by base and set, the first check, with a sentence for each set whose other checks have
    different options.

    Checks with equal options give the same results, so that their order affects only which name is shown.
    """
    shown: Chosen = {}
    others: dict[tuple[str, str], dict[tuple[Any, ...], str]] = {}
    for one in sorted(several, key=lambda one: (order(one), one.check)):
        first = shown.setdefault((one.base, one.name), one)
        if order(one) != order(first):
            others.setdefault((one.base, one.name), {})[order(one)] = words(one)
    sentences = []
    for (_, name), of in others.items():
        listed = [*list(of.values())[:NAMED], *(["others"] if len(of) > NAMED else [])]
        more = "check is" if len(of) == 1 else "checks are"
        sentences.append(f"{len(of)} more {more} not shown for {name}: {'; '.join(listed)}.")
    return shown, sentences


def _as_completed(one: CheckedSet) -> tuple[Any, ...]:
    """Sort the usual shares first, then by most questions."""
    shares = tuple(row.share for row in one.completion)
    return (shares != SHARES, -one.questions, shares, one.precision != "float32", one.digest)


def _completed_with(one: CheckedSet) -> str:
    shares = ", ".join(in_percent(row.share) for row in one.completion)
    return f"EM after {shares} %, {_counted(one.questions)} of digest {one.digest}, {one.precision}"


def _as_compared(one: CheckedSet) -> tuple[Any, ...]:
    """Sort the study's own training questions first, then the usual n, then by most questions."""
    training = (one.training or "", one.training_digest or "")
    ngram = one.ngram or 0
    return (not one.own_training, ngram != NGRAM, -one.questions, ngram, training, one.digest)


def _compared_with(one: CheckedSet) -> str:
    return (
        f"{one.ngram} words in a row with one of {one.training} of digest {one.training_digest}, {_counted(one.questions)} "
        f"of digest {one.digest}"
    )


def _first(base: str, name: str, *, several: bool) -> Cell:
    return Cell(
        f"{name}, base {base}" if several else name, {"set": name, **({"base": base} if several else {})}
    )


def _completion_cells(one: CheckedSet | None, shares: Sequence[float], runs: list[int]) -> list[Cell]:
    if not shares:
        return []
    rows = {row.share: row for row in one.completion} if one else {}
    asked = max((row.asked for row in rows.values()), default=None)
    first = Cell("–" if asked is None else str(asked), {"asked": asked})
    exact = [_exact(one, share, rows.get(share), runs) for share in shares]
    return [first, *exact, *(_rouge(one, share, rows.get(share), runs) for share in shares)]


def _exact(one: CheckedSet | None, share: float, row: Completion | None, runs: list[int]) -> Cell:
    events, n = (row.exact, row.asked) if row else (0, 0)
    what = f"questions of {one.name if one else ''} that the base completed word for word after {in_percent(share)} %"
    return _share(f"exact_{in_percent(share)}", what, events, n, one, runs)


def _rouge(one: CheckedSet | None, share: float, row: Completion | None, runs: list[int]) -> Cell:
    label = f"rouge_{in_percent(share)}"
    if one is None or row is None or row.rouge is None:
        return Cell("–", {label: None})
    formula = (
        f"mean ROUGE-L (F1 over words) of what the base wrote against the rest of {row.asked} questions of {one.name} "
        f"after {in_percent(share)} % of their words; check {one.check}"
    )
    return Cell(rounded(row.rouge, ".3f"), {label: row.rouge}, trace=trace(formula, [CONTAMINATION], runs))


def _overlap_cells(one: CheckedSet | None, runs: list[int]) -> list[Cell]:
    if one is None or one.overlap is None:
        return [Cell("–", {"compared": None}), Cell("–", {"overlap": None})]
    whole = f", or are shorter and contained whole in one ({one.overlap.whole})" if one.overlap.whole else ""
    what = f"questions of {one.name} that share {one.ngram} words in a row with one of {one.training}{whole}"
    cell = _share("overlap", what, one.overlap.overlapping, one.overlap.checked, one, runs)
    return [Cell(str(one.overlap.checked), {"compared": one.overlap.checked}), cell]


def _share(label: str, what: str, events: int, n: int, one: CheckedSet | None, runs: list[int]) -> Cell:
    if one is None or n == 0:
        return Cell("–", {label: None})
    low, high = (100 * bound for bound in wilson(events, n))
    share = 100 * events / n
    return Cell(
        f"{rounded(share, '.1f')} [{rounded(low, '.1f')}, {rounded(high, '.1f')}]",
        {label: share, f"{label}_low": low, f"{label}_high": high, f"{label}_count": events},
        trace=trace(f"100 x {events} / {n} {what}; check {one.check}", [CONTAMINATION], runs),
    )


def _counted(questions: int) -> str:
    return f"{questions} question{'' if questions == 1 else 's'}"


def _were(questions: int) -> str:
    return "was" if questions == 1 else "were"


def _meanings(columns: Sequence[str]) -> dict[str, str]:
    said = {
        "asked": "Questions whose first part the base was shown.",
        "EM": "Given the first part of a question's words and no template, the base greedily wrote the rest word for word.",
        "ROUGE-L": "Mean F1 of the base's text against the rest, 0 to 1 (arXiv 2507.10532).",
        "compared": "Questions compared with training questions.",
        "overlap": "Questions that share a run of words with a training question.",
    }
    return {
        column: meaning for column in columns for kind, meaning in said.items() if column.startswith(kind)
    }


def _notes(
    completed: Sequence[CheckedSet], compared: Sequence[CheckedSet], others: Sequence[str]
) -> tuple[str, ...]:
    short = sum(max(row.too_short for row in one.completion) for one in completed)
    unchecked = sum(one.overlap.not_checked for one in compared if one.overlap)
    whole = sum(one.overlap.whole for one in compared if one.overlap)
    foreign = [one.name for one in compared if one.own_training is False]
    ways = sorted({f"{one.ngram} words in a row with one of {one.training}" for one in compared})
    left_out = [
        *([f"{_counted(short)} with one word {_were(short)} not asked"] if short else []),
        *([f"{_counted(unchecked)} with too few words {_were(unchecked)} not compared"] if unchecked else []),
    ]
    sentences = (
        f"Overlap: questions that share {' or '.join(ways)}"
        + (f", or are shorter and contained whole in one ({whole} of them)." if whole else ".")
        if ways
        else "",
        f"Compared with training questions other than the study's: {', '.join(foreign)}." if foreign else "",
        f"Sets{' and training questions' if ways else ''} are identified as the study's by their names.",
        *others,
        "Brackets give a 95 % Wilson interval over questions.",
        f"{'; '.join(left_out).capitalize()}." if left_out else "",
        "Paraphrases, translations and memorized answers are not detected. A single hit is not proof either: the end of a short "
        "or formulaic question can be guessed.",
    )
    return tuple(sentence for sentence in sentences if sentence)

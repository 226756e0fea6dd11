"""Signs that the base model, or the training set, knew the questions of the evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evidence.evidence import Evidence
from analysis.logs.contamination import CheckedSet, Completion, checked_runs
from analysis.logs.trace import CONTAMINATION, trace
from analysis.tables import captions
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table
from sspo.metrics.wilson import wilson


def contamination_table(evidence: Evidence) -> Table | None:
    """Completed and overlapping questions by set, in percent; None where no check of the study's base was made.

    Of several checks of a set, the one of most questions counts.
    """
    runs = checked_runs(evidence.logs.manifest, evidence.logs.runs)
    bases = set(evidence.runs["base"].dropna())
    known = [one for one in evidence.logs.contamination if one.name in evidence.sets and one.base in bases]
    completed = _largest([one for one in known if one.completion])
    compared = _largest([one for one in known if one.overlap is not None])
    found = sorted({*completed, *compared}, key=lambda key: (key[0], evidence.sets.index(key[1])))
    if not found:
        return None
    shares = sorted({row.share for one in completed.values() for row in one.completion})
    columns = (
        "set",
        *(["asked"] if shares else []),
        *(f"EM % after {100 * share:g} %" for share in shares),
        *(f"ROUGE-L after {100 * share:g} %" for share in shares),
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
    caption = _caption(evidence, list(completed.values()), list(compared.values()))
    return Table("contamination", caption, columns, tuple(rows), title="signs of contamination")


def _largest(several: Sequence[CheckedSet]) -> dict[tuple[str, str], CheckedSet]:
    """By base and set, the check of most questions."""
    return {(one.base, one.name): one for one in sorted(several, key=lambda one: (one.questions, one.check))}


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
    what = f"questions of {one.name if one else ''} that the base wrote to their end, word for word, after {100 * share:g} %"
    return _share(f"exact_{100 * share:g}", what, events, n, one, runs)


def _rouge(one: CheckedSet | None, share: float, row: Completion | None, runs: list[int]) -> Cell:
    label = f"rouge_{100 * share:g}"
    if one is None or row is None or row.rouge is None:
        return Cell("–", {label: None})
    formula = (
        f"mean ROUGE-L (F1 over words) of what the base wrote against the rest of {row.asked} questions of {one.name} "
        f"after {100 * share:g} % of their words; check {one.check}"
    )
    return Cell(rounded(row.rouge, ".2f"), {label: row.rouge}, trace=trace(formula, [CONTAMINATION], runs))


def _overlap_cells(one: CheckedSet | None, runs: list[int]) -> list[Cell]:
    if one is None or one.overlap is None:
        return [Cell("–", {"compared": None}), Cell("–", {"overlap": None})]
    what = f"questions of {one.name} that share {one.ngram} words in a row with one of {one.training}"
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


def _caption(
    evidence: Evidence, completed: Sequence[CheckedSet], compared: Sequence[CheckedSet]
) -> tuple[str, ...]:
    short = sum(max(row.too_short for row in one.completion) for one in completed)
    wordless = sum(one.overlap.without_words for one in compared if one.overlap)
    ways = sorted({f"{one.ngram} words in a row with one of {one.training}" for one in compared})
    left_out = [
        *([f"{_counted(short)} of one word {_were(short)} not asked"] if short else []),
        *([f"{_counted(wordless)} without a word {_were(wordless)} not compared"] if wordless else []),
    ]
    sentences = (
        f"{evidence.study.title}: signs that the base model, or the training set, knew the evaluation questions.",
        "EM: after the first part of a question's words and no template, the base greedily wrote the rest word for word; "
        "ROUGE-L: mean F1 of what it wrote against the rest, 0 to 1 (arXiv 2507.10532)."
        if completed
        else "",
        f"Overlap: questions that share {' or '.join(ways)}." if ways else "",
        "[low, high]: 95 % Wilson interval over questions.",
        f"{'; '.join(left_out).capitalize()}." if left_out else "",
        "Finding none is no proof: paraphrases, translations and answers that were seen are not looked for. A single hit is none "
        "either: the end of a short or formulaic question can be guessed.",
        *captions.warnings(evidence)[:1],
    )
    return tuple(sentence for sentence in sentences if sentence)

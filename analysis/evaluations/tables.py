"""Evaluations as tables: the scores of each, and the differences from the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analysis.evaluations.flags import flags
from analysis.evaluations.named import NamedEvaluation
from analysis.evaluations.paired import AVERAGE, Difference, differences
from analysis.evaluations.scores import GREEDY, Block, Score, blocks
from analysis.tables.by_question import question_cells
from analysis.text.numbers import points
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table
from sspo.errors import UserError

NOTHING = Cell("–")


def tables(evaluations: Sequence[NamedEvaluation], ks: Sequence[int]) -> list[Table]:
    """Return the table of scores, and of differences if there are any; `ks` are those of pass@k and maj@k, by default the number of samples.

    Raises UserError for a k above the number of samples.
    """
    check_ks(evaluations, ks)
    ks = ks or common_k(evaluations)
    scores, found = scores_table(evaluations, ks), list(differences(evaluations))
    if not found:
        return [replace(scores, caption=(*scores.caption, *flags(evaluations)))]
    apart = differences_table(found)
    return [scores, replace(apart, caption=(*apart.caption, *flags(evaluations)))]


def common_k(evaluations: Sequence[NamedEvaluation]) -> tuple[int, ...]:
    """Return the number of samples that every sampled question has, if evaluations differ in it: rates are comparable only at the same k."""
    counted = [block for one in evaluations if one.counts for block in blocks(one.outcomes)]
    samples = {block.samples[0] for block in counted if block.mode != GREEDY}
    return (min(samples),) if len(samples) > 1 and min(samples) > 1 else ()


def check_ks(evaluations: Sequence[NamedEvaluation], ks: Sequence[int]) -> None:
    """Raise UserError if a k is above the samples of a question."""
    most = max(ks, default=1)
    for one in evaluations:
        sampled = [b for b in blocks(one.outcomes) if b.mode != GREEDY] if one.counts else []
        for block in sampled:
            if most > block.samples[0]:
                raise UserError(
                    f"--k {most} is above the {block.samples[0]} samples per question of {one.title} at {block.label}: "
                    f"use at most {block.samples[0]}"
                )
    if most > 1 and not any(
        b.mode != GREEDY for one in evaluations if one.counts for b in blocks(one.outcomes)
    ):
        raise UserError(
            f"--k {most} needs {most} samples per question, and all answers are greedy: leave it out"
        )


def scores_table(evaluations: Sequence[NamedEvaluation], ks: Sequence[int]) -> Table:
    """Return a table with one row per evaluation and decoding, sorted by decoding; an evaluation that does not count has a row without scores."""
    there = [(one, block) for one in evaluations if one.counts for block in blocks(one.outcomes)]
    sets = tuple(dict.fromkeys(name for _, block in there for name in block.sets))
    votes = any(b.rows["answer"].notna().any() and b.samples[0] > 1 for _, b in there)
    several = any(b.samples[0] > 1 for _, b in there)
    shown: list[int | None] = [*ks] or ([None] if several else [])
    rates = [(kind, k) for kind in ("pass", *(["maj"] if votes else [])) for k in shown]
    names = [f"{kind}@{'k' if k is None else k}" for kind, k in rates]
    labels = sorted(
        {(b.mode != GREEDY, b.temperature is None, b.temperature or 0.0, b.label) for _, b in there}
    )
    rows = [
        _row(one, block, sets, rates) for *_, label in labels for one, block in there if block.label == label
    ]
    columns = (
        "evaluation",
        "answers",
        "questions",
        *sets,
        *([AVERAGE] if len(sets) > 1 else []),
        "k",
        *names,
    )
    columns = (*columns, "truncated %", "tokens")
    waiting = [
        Row("unfinished", (Cell(one.title, {"evaluation": one.title}), *[NOTHING] * (len(columns) - 1)))
        for one in evaluations
        if not one.counts
    ]
    return Table("evaluations", _scores_caption(names), columns, (*rows, *waiting), title="Evaluations")


def _row(
    one: NamedEvaluation, block: Block, sets: Sequence[str], rates: Sequence[tuple[str, int | None]]
) -> Row:
    fewest, most = block.samples
    cells = [
        Cell(one.title, {"evaluation": one.title}),
        Cell(block.label, {"answers": block.label}),
        Cell(f"{len(block.means):,}", {"questions": len(block.means)}),
        *[_score(name, block.score(name)) if name in block.sets else _missing(name) for name in sets],
    ]
    whole = set(sets) == set(block.sets)
    if len(sets) > 1:
        cells.append(_score(AVERAGE, block.score(*sets)) if whole else _missing(AVERAGE))
    cells.append(
        Cell(str(fewest) if fewest == most else f"{fewest} to {most}", {"k": fewest, "k_most": most})
    )
    cells += [_rate(block, kind, k, whole) for kind, k in rates]
    truncated, tokens = (block.truncated, block.tokens) if whole else (None, None)
    cells += [
        NOTHING if truncated is None else Cell(points(truncated), {"truncated": 100 * truncated}),
        NOTHING if tokens is None else Cell(rounded(tokens, ".0f"), {"tokens": tokens}),
    ]
    return Row(block.label, tuple(cells), f"{one.letter} {block.label}")


def _score(name: str, score: Score) -> Cell:
    error = None if score.error is None else 100 * score.error
    text = points(score.mean) + ("" if error is None else f" ± {rounded(error, '.1f')}")
    return Cell(text, {name: 100 * score.mean, f"{name}_error": error})


def _missing(name: str) -> Cell:
    return Cell("–", {name: None, f"{name}_error": None})


def _rate(block: Block, kind: str, given: int | None, whole: bool) -> Cell:
    """Return a rate; a dash if a set is missing, with one sample per question, for values between 0 and 1, and if no answers were logged."""
    name = f"{kind}@{'k' if given is None else given}"
    k = block.samples[0] if given is None else given
    if not whole or block.samples[0] < max(k, 2):
        return Cell("–", {name: None})
    value = block.passed(k) if kind == "pass" else block.won(k)
    return Cell("–" if value is None else points(value), {name: None if value is None else 100 * value})


def _scores_caption(names: Sequence[str]) -> tuple[str, ...]:
    said = [
        "Scores in percent: the mean over questions of the mean over their samples; ± is its standard error over questions, "
        "clustered by question. Averages are unweighted over sets.",
    ]
    if names:
        said.append(
            "pass@k: a right answer among k samples; maj@k: the most frequent answer of k is right; both unbiased, "
            "averaged over sets, and k is the samples per question unless a column names it."
        )
    return tuple(said)


COLUMNS = ("difference", "answers", "set", "questions", "Δ", "p", "correlation")


def differences_table(found: Sequence[Difference]) -> Table:
    """Return a table with one row per comparison, decoding and set."""
    first = found[0].first
    caption = (
        f"Differences from {first.title} in percentage points, paired by the questions that both answered: 95 % t interval "
        "clustered by question, p unadjusted.",
        "They hold for these models only: they do not show how another training run of the same recipe would score.",
        "Correlation: between the two evaluations, over questions within sets.",
    )
    return Table("differences", caption, COLUMNS, tuple(map(_difference_row, found)), title="Differences")


def _difference_row(one: Difference) -> Row:
    name = f"{one.of.letter} − {one.first.letter}"
    cells = (
        Cell(name, {"difference": name}),
        Cell(one.label, {"answers": one.label}),
        Cell(one.set, {"set": one.set}),
        *question_cells(one.paired),
    )
    return Row(f"{name} {one.label}", cells, f"{name} {one.label} {one.set}")

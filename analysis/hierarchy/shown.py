"""The opinion as a table, whose caption reports the sampler's diagnostics."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.evidence.evidence import Evidence
from analysis.hierarchy.answers import Answers
from analysis.hierarchy.opinion import TRUSTED, Fit, Opinion, opinions, state_of
from analysis.logs.manifest import Arm
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table
from analysis.text.unit import PERCENT

NOTHING = Cell("–")


def opinion_table(
    evidence: Evidence, answers: Answers, left_out: Sequence[Arm], fit: Fit, *, robust: bool
) -> Table:
    """Return a table with one row per arm."""
    study = evidence.study
    arms = [arm for name in answers.arms if (arm := study.arm(name)) is not None]
    against = {arm.name: reference.name for arm in arms if (reference := study.reference_of(arm)) is not None}
    competing = [arm.name for arm in arms if arm.competes]
    found = opinions(fit.accuracy_DA, fit.spread_DA, answers.arms, against, competing)
    labels = {arm.name: arm.label for arm in study.arms}
    rows = tuple(
        Row("a/a" if arm.role == "aa" else "arm", _cells(one, labels))
        for arm, one in zip(arms, found, strict=True)
    )
    columns = ("arm", "accuracy", "against", "Δ", "higher %", "best %", "run sd in log-odds")
    caption = _caption(evidence, answers, left_out, fit, robust=robust)
    return Table("hierarchy", caption, columns, rows, title="A second opinion")


def _cells(one: Opinion, labels: dict[str, str]) -> tuple[Cell, ...]:
    head = Cell(labels[one.arm], {"arm": one.arm, "label": labels[one.arm]})
    cells = [head, Cell(PERCENT.text(one.accuracy), {"accuracy": 100 * one.accuracy})]
    if (
        one.against is None
        or one.difference is None
        or one.low is None
        or one.high is None
        or one.higher is None
    ):
        cells += [NOTHING] * 3
    else:
        text = f"{PERCENT.signed(one.difference)} [{PERCENT.signed(one.low)}, {PERCENT.signed(one.high)}]"
        data = {
            "difference": 100 * one.difference,
            "difference_low": 100 * one.low,
            "difference_high": 100 * one.high,
        }
        cells += [
            Cell(labels[one.against], {"against": one.against}),
            Cell(text, data),
            Cell(_percent(one.higher), {"higher_percent": 100 * one.higher}),
        ]
    best = NOTHING if one.best is None else Cell(_percent(one.best), {"best_percent": 100 * one.best})
    return (*cells, best, Cell(rounded(one.spread, ".2f"), {"run_sd": one.spread}))


def _percent(share: float) -> str:
    """Format a share of draws; no number of draws means never or always."""
    return "< 1" if share < 0.01 else "> 99" if share > 0.99 else rounded(100 * share, ".0f")


def _caption(
    evidence: Evidence, answers: Answers, left_out: Sequence[Arm], fit: Fit, *, robust: bool
) -> tuple[str, ...]:
    state, against = state_of(fit.divergences, fit.rhat, fit.ess)
    word = "Trusted" if state == TRUSTED else f"NOT TO BE TRUSTED ({'; '.join(against)})"
    kind = "Student's t with 4 degrees of freedom" if robust else "normal"
    sentences = [
        f"{evidence.study.title}: posterior of a hierarchical model of {len(answers.arm_R)} runs and {len(answers.set_Q)} questions; "
        f"runs of an arm are {kind} in log-odds.",
        "Accuracy is the mean over the population of runs, on these questions, over sets; brackets hold 95 % of the posterior.",
        f"{word}: {fit.divergences} divergences at target acceptance {fit.target_accept:g}, R-hat at most {fit.rhat:.3f}, "
        f"at least {fit.ess:.0f} effective draws.",
    ]
    if left_out:
        sentences.append(
            f"Left out with fewer than four scored runs: {', '.join(arm.label for arm in left_out)}."
        )
    return tuple(sentences)

"""The tuning table: the budget that each arm spent, and the point that it got."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.evidence.evidence import Evidence
from analysis.evidence.tuning import (
    COMPLETE,
    CORE_HOURS,
    DEVICE_HOURS,
    FAILED,
    OPEN,
    PRUNED,
    TunedArm,
    Tuning,
    pilot_trace,
    tuning_of,
)
from analysis.evidence.tuning_words import value_text
from analysis.logs.trace import Trace
from analysis.statistics.tuning.sensitivity import NORMAL, Sensitivity, sensitivity
from analysis.statistics.tuning.space import Value
from analysis.tables.tuning import captions
from analysis.text.rounding import rounded
from analysis.text.table import EMPTY, Cell, Row, Table

EDGE = " ‡"
"""Follows a chosen value if it, or the highest fitted score, is at an edge of the range."""
OUTSIDE = "outside"
"""Stands for a default that lies outside the space."""
FIT = "score of the fit"
COSTS = {"core hours": CORE_HOURS, "device hours": DEVICE_HOURS}
STATES = {"pruned": PRUNED, "failed": FAILED, "open": OPEN}


def tuning_table(evidence: Evidence) -> Table | None:
    """Return one row per tuned arm; None for a study that is not tuned, and before its tuning begins."""
    tuning = tuning_of(evidence)
    if tuning is None or not tuning.arms:
        return None
    rows = tuple(_row(evidence, tuning, one) for one in tuning.arms)
    return Table(
        "tuning",
        (
            "How each arm was tuned: its trials, pilot runs and cost, the score of its fit at the chosen point, and the chosen value of "
            "each option beside the arm's default, with the width of its plateau.",
        ),
        ("arm", "trials", *STATES, "runs", *COSTS, FIT, *tuning.keys),
        rows,
        title="Tuning",
        notes=_notes(tuning),
        meanings=_meanings(tuning),
        qualifiers={FIT: "± 95 % CI", **dict.fromkeys(tuning.keys, "default; plateau")},
    )


def _row(evidence: Evidence, tuning: Tuning, one: TunedArm) -> Row:
    fitted = pilot_trace(evidence, [one], f"the expected score at the chosen point under {captions.FIT}")
    picked = pilot_trace(evidence, [one], f"{captions.RULE}; the score is that of {captions.FIT}")
    spent = pilot_trace(
        evidence, [one], "a count or sum over the arm's trials, of which these are the pilot runs"
    )
    runs = Cell(str(len(one.runs)), {"runs": len(one.runs)}, trace=spent)
    along = curves_of(one)
    return Row(
        "tuned",
        (
            Cell(one.arm.label, {"arm": one.arm.name, "label": one.arm.label}),
            _trials(one, spent),
            *(_count(title, one.in_state(state)) for title, state in STATES.items()),
            runs,
            *(_cost(title, one.cost(kind), spent) for title, kind in COSTS.items()),
            _fitted(evidence, one, fitted),
            *(_option(one, key, along.get(key), picked) for key in tuning.keys),
        ),
    )


def curves_of(one: TunedArm) -> dict[str, Sensitivity]:
    """Return the curve along each of an arm's options; none before it has its point."""
    if one.chosen is None or one.surface is None:
        return {}
    return {curve.key: curve for curve in sensitivity(one.options, one.surface, one.chosen)}


def _trials(one: TunedArm, source: Trace) -> Cell:
    data = {"trials": one.settled, "complete": one.in_state(COMPLETE)}
    return Cell(str(one.settled), data, trace=source)


def _count(title: str, number: int) -> Cell:
    return Cell(str(number) if number else EMPTY, {title: number})


def _cost(title: str, hours: float, source: Trace) -> Cell:
    data = {title.replace(" ", "_"): hours}
    return Cell(rounded(hours, ".3g"), data, trace=source) if hours else Cell(EMPTY, data)


def _fitted(evidence: Evidence, one: TunedArm, source: Trace) -> Cell:
    if one.chosen is None or one.surface is None:
        return Cell(EMPTY, {"fit_mean": None})
    mean, sd = (float(of[0]) for of in one.surface.at([one.chosen]))
    half, unit = NORMAL * sd, evidence.unit
    low, high = (unit.factor * end for end in (mean - half, mean + half))
    data = {"fit_mean": unit.factor * mean, "fit_low": low, "fit_high": high}
    return Cell(f"{unit.text(mean)} ± {unit.text(half)}", data, trace=source)


def _option(one: TunedArm, key: str, curve: Sensitivity | None, source: Trace) -> Cell:
    if one.chosen is None or key not in one.chosen:
        return Cell(EMPTY, {key: None})
    value, edge = one.chosen[key], key in one.edges
    default = OUTSIDE if one.default is None else EMPTY
    data: dict[str, float | int | str | None] = {key: _plain(value), f"{key}_default": None}
    if one.default is not None and key in one.default:
        default = value_text(one.default[key])
        data[f"{key}_default"] = _plain(one.default[key])
    data[f"{key}_edge"] = int(edge)
    beside = [default]
    if curve is not None:
        share = 100 * curve.plateau.share
        beside.append(f"{rounded(share, '.0f')} %")
        ends = {f"{key}_plateau_{end}": _plain(getattr(curve.plateau, end)) for end in ("low", "high")}
        data |= {f"{key}_plateau": share, **ends}
    return Cell(f"{value_text(value)} ({'; '.join(beside)}){EDGE * edge}", data, trace=source)


def _plain(value: Value) -> float | int | str:
    return (
        value if isinstance(value, float | int | str) and not isinstance(value, bool) else value_text(value)
    )


def _notes(tuning: Tuning) -> tuple[str, ...]:
    edges = any(one.edges for one in tuning.arms)
    sentences = (
        captions.how_chosen(tuning),
        captions.noise(tuning) if tuning.chosen else "",
        captions.EXPECTS if tuning.chosen else "",
        captions.PLATEAU if tuning.chosen else "",
        "‡: the chosen value, or the highest fitted score, is at the edge of the range, so that the best value may lie outside."
        if edges
        else "",
        captions.IGNORED if tuning.chosen else "",
        *_reasons(tuning),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _reasons(tuning: Tuning) -> Iterable[str]:
    """Yield why trials failed, each reason once with its trials."""
    found: dict[str, list[str]] = {}
    for one in tuning.arms:
        for trial in one.trials:
            if trial.state == FAILED:
                found.setdefault(trial.reason or "no reason recorded", []).append(
                    f"{one.arm.label} {trial.number}"
                )
    for reason, trials in found.items():
        yield f"Failed trials: {', '.join(trials)} ({reason})."


def _meanings(tuning: Tuning) -> dict[str, str]:
    return {
        "trials": "Tried points that are over: scored, pruned or failed.",
        "pruned": "Trials that the pruner stopped; they have no score.",
        "failed": "Trials whose runs failed; they have no score.",
        "open": "Trials that are not over.",
        "runs": "Pilot runs that ended. Trials of the same configuration share theirs.",
        "core hours": "Of all its trials.",
        "device hours": "Of all its trials.",
        FIT: "Expected score at the chosen point on the pilot seeds, by the fit: not the score that is compared.",
        **{key: _chosen(tuning, key) for key in tuning.keys},
    }


def _chosen(tuning: Tuning, key: str) -> str:
    """Return what a chosen value is: of a factor, what it multiplies."""
    scales = captions.scaled(tuning, key)
    value = f"Chosen factor of the arm's own {' and '.join(scales)}" if scales else "Chosen value"
    default = "the default, a factor of 1" if scales else "the arm's default"
    return f"{value}; in brackets {default} ('{OUTSIDE}' if that is not in the space), and the width of the plateau as a share of the range."

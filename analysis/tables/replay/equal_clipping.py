"""The table of equal clipping: what each segmentation rule keeps and loses if all clip the same share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from analysis.evidence import replay
from analysis.evidence.replay import Replay, ReplayCurve
from analysis.logs.replay_summary import Match
from analysis.logs.trace import REPLAY_SUMMARY, Trace, trace
from analysis.logs.trace import replayed as stream_of
from analysis.tables.replay import captions as replay_captions
from analysis.text.numbers import measured, over_runs
from analysis.text.rounding import rounded
from analysis.text.table import EMPTY, Cell, Row, Table, decimals
from sspo.metrics import MIN_ELIGIBLE
from sspo.metrics.replayed import COUNTS

SHARES = {
    "clip %": "clip_frac_active",
    "low %": "clip_frac_active_low",
    "high %": "clip_frac_active_high",
    "extreme retained %": "extreme_retained_frac",
    "collateral %": "collateral_clip_frac",
    "signal kept %": "signal_kept",
}
"""Title to the name of a share of pooled counts."""
COLUMNS = ("rule", "target %", "bound", "held out %", *SHARES, "ratio sd", "gradient noise")
FEWEST_FOR_NOISE = 2
"""Runs: the gradient noise of one run does not show how it varies."""
LONGEST = 1e4
"""Numbers from here on are written as powers of ten: a few exploded ratios make a standard deviation of any
size.
"""


def replay_table(replayed: Replay, notes: Iterable[str] = ()) -> Table | None:
    """Return one row per target and rule, targets ascending; None if no bounds were matched. `notes` are
    added to its own.
    """
    pairs = [(curve, match) for curve in replayed.curves for match in replayed.matches(curve)]
    pairs.sort(key=lambda pair: pair[1].target)
    if not pairs:
        return None
    rows = tuple(_row(replayed, *pair) for pair in pairs)
    return Table(
        "replay",
        (
            "Recorded rollouts evaluated again under each segmentation rule, at the bound at which it clips the target share of active "
            "tokens: what each rule keeps and loses at equal clipping.",
        ),
        COLUMNS,
        rows,
        title="Equal clipping",
        notes=_notes(replayed, notes),
        meanings=_meanings(replayed),
        qualifiers={"held out %": "standard error", "bound": "95 % CI"},
    )


def _row(replayed: Replay, curve: ReplayCurve, match: Match) -> Row:
    counts = replay.total(replayed.at(match))
    shares = [_measure(name, float(replay.share(counts, name).iloc[0]), 100) for name in SHARES.values()]
    ratio_sd = _measure("ratio_sd", float(replay.ratio_sd(counts).iloc[0]), 1)
    target = f"{100 * match.target:g}"
    numbers = {name: float(counts[name].iloc[0]) for name in COUNTS}
    first = Cell(curve.label, {"objective": curve.objective, "rule": curve.rule, **numbers})
    noise = _noise(replayed.noise(match))
    cells = (
        first,
        Cell(target, {"target": float(target)}),
        _bound(match),
        _held_out(match),
        *shares,
        ratio_sd,
        noise,
    )
    source = _trace(replayed, curve, match)
    return Row(
        f"{target} %",
        tuple(replace(c, trace=source) for c in cells),
        name=f"{curve.label} at {target} %",
    )


def _trace(replayed: Replay, curve: ReplayCurve, match: Match) -> Trace:
    """Return the trace of a row: its cells share the same counts; a run's value is what it clips at the
    matched bounds, in %.
    """
    runs, first = replayed.at(match).groupby("run"), replayed.first_run
    shares = {run: replay.share(replay.total(rows), "clip_frac_active") for run, rows in runs}
    clipped = {first + int(run): float(share.iloc[0]) for run, share in shares.items()}
    known = {run: value for run, value in clipped.items() if math.isfinite(value)}
    formula = (
        f"recorded rollouts evaluated again under {curve.label}, counts pooled over runs, at the bounds that clip "
        f"{100 * match.target:g} % of active tokens (A != 0); a run's value is the share it clips there, in %"
    )
    return trace(formula, [stream_of(curve.objective, curve.rule), REPLAY_SUMMARY], clipped, known, 100)


def _measure(name: str, value: float, scale: int) -> Cell:
    if not math.isfinite(value):
        return Cell(EMPTY, {name: None})
    value *= scale
    text = rounded(value, f".{decimals(value)}f") if value < LONGEST else rounded(value, ".1e")
    return Cell(text, {name: value})


def _bound(match: Match) -> Cell:
    """Return both sides if they differ, and the interval of the lower one."""
    text = rounded(match.low, "#.3g")
    if match.low != match.high:
        text += f"/{rounded(match.high, '#.3g')}"
    least, most = match.low_interval
    if (least, most) != (None, None):
        ends = ("–" if end is None else rounded(end, "#.3g") for end in match.low_interval)
        text += f" [{', '.join(ends)}]"
    return Cell(text, {"low": match.low, "high": match.high, "low_from": least, "low_to": most})


def _held_out(match: Match) -> Cell:
    value, error = (None if v is None else 100 * v for v in (match.held_out, match.held_out_se))
    if value is None:
        return Cell(EMPTY, {"held_out": None, "held_out_se": None})
    digits = decimals(value)
    text = rounded(value, f".{digits}f") + ("" if error is None else f" ({rounded(error, f'.{digits}f')})")
    return Cell(text, {"held_out": value, "held_out_se": error})


def _noise(runs: list[float]) -> Cell:
    if not runs:
        return Cell(EMPTY, {"grad_noise_n": 0})
    interval = over_runs(runs)
    data = {"mean": interval.point, "low": interval.low, "high": interval.high, "n": interval.n}
    named = {f"grad_noise_{key}": value for key, value in data.items()}
    return Cell(measured(runs) if interval.n >= FEWEST_FOR_NOISE else EMPTY, named)


def _meanings(replayed: Replay) -> dict[str, str]:
    unit = "run" if len(replayed.summary.runs) > 1 else "recorded rollout"
    return {
        "target %": "Share of active tokens that every rule should clip, from the second update of a rollout on.",
        "bound": f"The clip distance (lower/upper if they differ) calibrated on all replayed runs; the interval is over {unit}s.",
        "held out %": f"Share that bounds calibrated on every other {unit} clip on those in between.",
        "clip %": "Clipped share of active tokens.",
        "low %": "Clipped with A < 0, of active tokens.",
        "high %": "Clipped with A > 0, of active tokens.",
        "extreme retained %": "Of tokens whose own |log-ratio| is above log 1.5 and that a clip could stop, the share that was not clipped.",
        "collateral %": "Of clipped tokens, the share whose own ratio is inside the bound.",
        "signal kept %": "Share of the sum of |A| that is on tokens not clipped.",
        "ratio sd": "Standard deviation of the importance ratio over tokens.",
        "gradient noise": "Variance of the parameter gradient (trace) over the squared norm of its mean, over "
        f"{replayed.summary.sub_batches} parts of a rollout whose checkpoint exists; mean over runs.",
    }


def _notes(replayed: Replay, notes: Iterable[str]) -> tuple[str, ...]:
    parts = replayed.summary.sub_batches
    sentences = (
        "Shares pool the tokens of all replayed runs and are not estimates over runs; "
        f"{EMPTY} means fewer than {MIN_ELIGIBLE} such tokens.",
        f"Gradient noise is about {parts} if the parts share no direction; ± is half a 95 % t interval over runs; with fewer than "
        f"{FEWEST_FOR_NOISE} runs it is not shown."
        if parts
        else "",
        replay_captions.unreached(replayed),
        replay_captions.unfinished(replayed),
        f"Replayed: {replay_captions.replayed_runs(replayed)}.",
        f"{replay_captions.LIMIT}.",
        replay_captions.fidelity(replayed),
        *notes,
    )
    return tuple(sentence for sentence in sentences if sentence)

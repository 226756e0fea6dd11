"""The table of equal clipping: what each segmentation rule keeps and loses where all clip the same share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from analysis.evidence import replay
from analysis.evidence.replay import Curve, Replay
from analysis.logs.replay_summary import Match
from analysis.logs.trace import REPLAY_SUMMARY, Trace, trace
from analysis.logs.trace import replayed as stream_of
from analysis.statistics import t_interval
from analysis.tables import replay_captions
from analysis.text.rounding import rounded
from analysis.text.table import Cell, Row, Table, decimals
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
"""By title, the name of a share of pooled counts."""
COLUMNS = ("rule", "target %", "bound", "held out %", *SHARES, "ratio sd", "gradient noise")
FEWEST_FOR_NOISE = 2
"""Runs: one run's gradient noise says nothing of how it varies."""
LONGEST = 1e4
"""Numbers from here on are written as powers of ten: a few ratios that exploded make a standard deviation of any size."""


def replay_table(replayed: Replay, notes: Iterable[str] = ()) -> Table | None:
    """A row a target and rule, targets ascending; None where no bounds were matched. `notes` end the caption."""
    pairs = [(curve, match) for curve in replayed.curves for match in replayed.matches(curve)]
    pairs.sort(key=lambda pair: pair[1].target)
    if not pairs:
        return None
    rows = tuple(_row(replayed, *pair) for pair in pairs)
    return Table("replay", _caption(replayed, notes), COLUMNS, rows, title="Equal clipping")


def _row(replayed: Replay, curve: Curve, match: Match) -> Row:
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


def _trace(replayed: Replay, curve: Curve, match: Match) -> Trace:
    """All cells of a row rest on the same counts; a run's value is what it clips at the matched bounds, in %."""
    runs, first = replayed.at(match).groupby("run"), replayed.first_run
    shares = {run: replay.share(replay.total(rows), "clip_frac_active") for run, rows in runs}
    clipped = {first + int(run): float(share.iloc[0]) for run, share in shares.items()}
    known = {run: value for run, value in clipped.items() if math.isfinite(value)}
    formula = (
        f"recorded rollouts evaluated again under {curve.label}, counts pooled over runs, at the bounds that clip "
        f"{100 * match.target:g} % of tokens with A != 0; a run's value is the share it clips there, in %"
    )
    return trace(formula, [stream_of(curve.objective, curve.rule), REPLAY_SUMMARY], clipped, known, 100)


def _measure(name: str, value: float, scale: int) -> Cell:
    if not math.isfinite(value):
        return Cell("–", {name: None})
    value *= scale
    text = rounded(value, f".{decimals(value)}f") if value < LONGEST else f"{value:.1e}"
    return Cell(text, {name: value})


def _bound(match: Match) -> Cell:
    """Both sides where they differ, and the interval of the lower one."""
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
        return Cell("–", {"held_out": None, "held_out_se": None})
    digits = decimals(value)
    text = rounded(value, f".{digits}f") + ("" if error is None else f" ({rounded(error, f'.{digits}f')})")
    return Cell(text, {"held_out": value, "held_out_se": error})


def _noise(runs: list[float]) -> Cell:
    if not runs:
        return Cell("–", {"grad_noise_n": 0})
    interval = t_interval(runs)
    digits, half = decimals(interval.point), interval.half_width
    text = rounded(interval.point, f".{digits}f") + (
        "" if half is None else f" ± {rounded(half, f'.{digits}f')}"
    )
    data = {"mean": interval.point, "low": interval.low, "high": interval.high, "n": interval.n}
    named = {f"grad_noise_{key}": value for key, value in data.items()}
    return Cell(text if interval.n >= FEWEST_FOR_NOISE else "–", named)


def _caption(replayed: Replay, notes: Iterable[str]) -> tuple[str, ...]:
    unit = "run" if len(replayed.summary.runs) > 1 else "recorded rollout"
    parts = replayed.summary.sub_batches
    noise = (
        f"Gradient noise: variance of the parameter gradient (trace) over the squared norm of its mean, over {parts} parts of "
        f"a rollout whose checkpoint is there (about {parts} where they share no direction), mean ± half a 95 % t interval "
        f"over runs (– below {FEWEST_FOR_NOISE} runs)."
    )
    sentences = (
        "Equal clipping: recorded rollouts evaluated again under each segmentation rule, at the bound where it clips the "
        "target share of tokens with A != 0 from the second update of a rollout on.",
        "Bound: the clip distance (lower/upper where they differ) calibrated on all replayed runs, in brackets the 95 % interval "
        f"of the lower one over {unit}s. Held out: what bounds calibrated on every other {unit} clip on those between, in "
        "parentheses its standard error.",
        "All other columns pool the tokens of all replayed runs and are no estimate over runs: clip %, low (A < 0) and high "
        "(A > 0) are shares of tokens with A != 0; extreme retained: of tokens with own |log-ratio| > log 1.5 that a clip "
        "could stop, the share not clipped; collateral: of clipped tokens, the share whose own ratio is inside the bound; "
        f"– below {MIN_ELIGIBLE} such tokens; signal kept: share of the sum of |A| on tokens not clipped; ratio sd: over tokens.",
        noise if parts else "",
        replay_captions.unreached(replayed),
        replay_captions.unfinished(replayed),
        f"Replayed: {replay_captions.replayed_runs(replayed)}.",
        f"{replay_captions.LIMIT}.",
        replay_captions.fidelity(replayed),
        *notes,
    )
    return tuple(sentence for sentence in sentences if sentence)

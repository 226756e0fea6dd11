"""Caveats for every reader of a replay: the runs, the tokens, and the limits of a replay."""

from __future__ import annotations

from collections.abc import Collection

from analysis.evidence.replay import Replay

LIMIT = (
    "The log-ratios are those of the recorded runs, whose own clip shaped them: training under a different bound drifts "
    "differently, so this is what a bound would have clipped, not what training under it would clip"
)


def replayed_runs(replay: Replay) -> str:
    """Return how many rollouts were recorded, of which runs, by arm."""
    runs = replay.summary.runs
    seeds: dict[str, list[int]] = {}
    for run in runs:
        seeds.setdefault(run.arm, []).append(run.seed)
    arms = "; ".join(
        f"{arm} seed{'s' if len(own) > 1 else ''} {', '.join(map(str, sorted(own)))}"
        for arm, own in seeds.items()
    )
    rollouts = sum(run.rollouts for run in runs)
    return f"{rollouts} recorded rollout{'s' if rollouts != 1 else ''} of {arms}"


def strangers(replay: Replay, cells: Collection[str]) -> str:
    """Return a sentence if recorded runs belong to cells that the study no longer has; else empty."""
    foreign = [f"{run.arm} seed {run.seed}" for run in replay.summary.runs if run.cell not in cells]
    return (
        f"Replayed runs that are not part of this study as it is planned now: {', '.join(foreign)}."
        if foreign
        else ""
    )


def unreached(replay: Replay) -> str:
    """Return a sentence if no bound of a rule clips a target's share; else empty."""
    found = {(m.objective, m.rule, m.target) for m in replay.summary.matched}
    lost = [
        f"{100 * target:g} % ({curve.label})"
        for target in sorted(replay.summary.targets)
        for curve in replay.curves
        if (curve.objective, curve.rule, target) not in found
    ]
    return f"No bound was found for {', '.join(lost)}." if lost else ""


def fidelity(replay: Replay) -> str:
    """Return how closely each run's own objective, replayed, reproduces what the run logged."""
    runs = replay.summary.runs
    off = [f"{run.arm} seed {run.seed}" for run in runs if not run.reproduced]
    if off:
        return f"The replay does not reproduce what these runs logged; trust them less: {', '.join(off)}."
    worst = max(run.largest_difference or 0.0 for run in runs)
    closeness = f"to within {worst:.0e}" if worst else "exactly"
    return f"Each run's own objective, replayed, reproduces the metrics that the run logged {closeness}."


def unfinished(replay: Replay) -> str:
    """Return a sentence if a run was not done when it was replayed; else empty."""
    runs = [f"{run.arm} seed {run.seed} ({run.state})" for run in replay.summary.runs if run.state != "done"]
    return f"Incomplete runs: {', '.join(runs)}." if runs else ""


def provenance(replay: Replay) -> tuple[str, str]:
    """Return the replay as a fact of a report's provenance."""
    codes = sorted({f"{run.revision[:12]}/{run.code_sha256[:12]}" for run in replay.summary.runs})
    grid = f"; clip {replay.summary.clip}" if replay.summary.clip else ""
    text = f"{replayed_runs(replay)}{grid}; code (revision/hash) of the runs {', '.join(codes)}"
    return "replay", " ".join([f"{text}.", fidelity(replay)]).strip()

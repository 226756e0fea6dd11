"""The terminal summary of a finished run: held-out scores, its folder and next commands."""

from __future__ import annotations

import json
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from sspo.config import TrainConfig
from sspo.config.choices import TERMS
from sspo.config.objective_checks import why_unmatched
from sspo.errors import UserError
from sspo.metrics.percent import percent
from sspo.runs.runlog import EVAL, RECORDING

Scores = Mapping[tuple[str, str], float]
"""Mean score by set and decoding, in the order of the log."""


def name_of(config: TrainConfig) -> str:
    """Return the name of a run on the terminal."""
    return f"{config.run.arm or config.objective.name} seed {config.seed}"


def describe_outcome(config: TrainConfig, folder: Path, overrides: Sequence[str]) -> Iterator[str]:
    """Yield the lines of the summary: done, one line per held-out set with its scores in percent, the folder and next
    commands.
    """
    scores = final_scores(folder)
    yield f"{name_of(config)}: done; held-out scores, %:"
    sets = list(dict.fromkeys(name for name, _ in scores))
    width = max((len(name) for name in sets), default=0)
    for name in sets:
        parts = [f"{how} {percent(mean)}" for (of, how), mean in scores.items() if of == name]
        yield f"  {name:<{width}}  {'  '.join(parts)}"
    yield f"folder: {folder}"
    if not config.run.study:
        yield f"plot it: python -m analysis run {shlex.quote(str(folder))}"
        yield f"next: {_next(folder, config, overrides)}"


def final_scores(folder: Path) -> Scores:
    """Return the scores of the last evaluation in a run's log. Raises UserError if it is damaged."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    try:
        rows = [json.loads(line) for line in (folder / EVAL).read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise UserError(f"the run is done, but its {EVAL} cannot be read ({error}): {folder}") from error
    for row in rows:
        if row["final"]:
            how = f"sampled at {row['temperature']:g}" if row["mode"] == "sampled" else "greedy"
            values[row["set"], how].append(row["value"])
    return {key: fmean(of) for key, of in values.items()}


def _next(folder: Path, config: TrainConfig, overrides: Sequence[str]) -> str:
    if any((folder / RECORDING).glob("*")):
        only_others = TERMS[config.objective.term].clips and why_unmatched(config.objective)
        other = " objective=grpo" if only_others else ""
        return f"python -m sspo.replay {shlex.quote(str(folder))}{other}   # what a different rule or bound would have clipped"
    words = [word for word in overrides if not word.startswith(("seed=", "--"))]
    return f"python -m sspo.train -m {shlex.join([*words, 'seed=0,1,2'])}   # the same with three seeds"

"""The record of a study's tuning: the trials of every arm and the point that was chosen for it.

`sweeps run` rewrites `<store>/tunings/<study>.json` whenever a trial settles, so that plans, reports and a fresh clone need no
Optuna to know how far tuning is. Scores are not recorded: they are read from the runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sspo.errors import UserError
from sspo.runs.content_hash import content_hash
from sspo.runs.runlog import write_atomic
from sweeps.ledger.state import read_json
from sweeps.study.spec import DEFAULT_PRESET, Study
from sweeps.study.tune import described

COMPLETE, PRUNED, FAILED, OPEN = "complete", "pruned", "failed", "open"
STATES = (COMPLETE, PRUNED, FAILED, OPEN)
"""States of a trial; a trial with a diverged run is complete."""


@dataclass(frozen=True, kw_only=True)
class PilotTrial:
    """One trial of an arm: a point, and the cell that its runs share."""

    number: int
    """Its number in the arm's Optuna study."""
    state: str
    point: Mapping[str, Any]
    cell: str
    level: str = ""
    """The folder level of its runs."""
    overrides: tuple[str, ...] = ()
    reason: str = ""
    """Why it failed."""
    core_hours: float = 0.0
    device_hours: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ChosenPoint:
    """The point at which an arm is confirmed."""

    point: Mapping[str, Any]
    overrides: tuple[str, ...]
    """The words that set it, after the arm's own overrides."""
    mean: float
    """The fitted score there, as a share."""
    sd: float
    edges: tuple[str, ...] = ()
    """Parameters whose value lies at an end of their range."""


@dataclass(frozen=True, kw_only=True)
class TunedArm:
    """The tuning of one arm."""

    space: tuple[Mapping[str, Any], ...]
    """Its parameters, as a manifest describes them."""
    default: Mapping[str, Any] | None = None
    """The point at which the arm has its own values; None outside its space."""
    trials: tuple[PilotTrial, ...] = ()
    chosen: ChosenPoint | None = None


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How far the tuning of a study is."""

    meaning: str
    """Digest of everything that the choice depends on, besides the scores."""
    arms: Mapping[str, TunedArm] = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        """Return whether every arm has its point."""
        return bool(self.arms) and all(arm.chosen is not None for arm in self.arms.values())


def meaning_of(study: Study, preset: str) -> str:
    """Return a digest of what must stay as it is while a preset is tuned: spaces, budget, sampler, seeds, score and overrides."""
    tune, chosen = study.tuning(preset), study.presets[preset]
    assert tune is not None, "the study tunes nothing"
    return content_hash(
        {
            **tune.content(),
            "overrides": list(chosen.overrides),
            "primary": vars(study.head.primary),
            "arms": {
                name: {
                    "space": [described(one) for one in tune.of_arm(name)],
                    "overrides": list(study.arms[name].overrides),
                }
                for name in study.tuned_arms(preset)
            },
        }
    )


def tunings_folder(store: Path) -> Path:
    """Return the folder of a store for records and journals of tuning."""
    return store / "tunings"


def stem_of(study: str, preset: str) -> str:
    """Return `<study>` for the default preset, `<study>.<preset>` for others, so that presets cannot mix."""
    return study if preset == DEFAULT_PRESET else f"{study}.{preset}"


def record_path(study: str, preset: str, store: Path) -> Path:
    """Return the path of the record."""
    return tunings_folder(store) / f"{stem_of(study, preset)}.json"


def read_tuning(study: Study, preset: str, store: Path) -> Tuning | None:
    """Read the record of a preset; None if its tuning has not begun. Raises UserError for a damaged record, and for one of a spec that tuned
    differently."""
    path = record_path(study.name, preset, store)
    content = read_json(path, "delete it to tune again: finished runs are kept")
    if content is None:
        return None
    found = tuning_from(content, path)
    if found.meaning != meaning_of(study, preset):
        raise UserError(
            f"{study.name} ({preset}) was tuned under another space, budget, sampler, primary score, pilot seeds, arms or overrides, and one history cannot hold "
            f"both: revert the change, copy the study to a new name, or delete {path} to tune again (finished runs are kept)"
        )
    if found.arms and set(found.arms) != set(study.tuned_arms(preset)):
        raise UserError(
            f"{path} is damaged (it has the arms {', '.join(found.arms)}, not {', '.join(study.tuned_arms(preset))}); delete it to tune "
            "again: finished runs are kept"
        )
    return found


def tuning_from(content: Mapping[str, Any], path: Path) -> Tuning:
    """Build a record from its content. Raises UserError that names the file if it is damaged."""
    try:
        arms = {str(name): _arm(dict(arm)) for name, arm in content["arms"].items()}
        return Tuning(meaning=str(content["meaning"]), arms=arms)
    except (UserError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is damaged ({error}); delete it to tune again: finished runs are kept"
        ) from error


def content_of(tuning: Tuning) -> dict[str, Any]:
    """Return the content of the record's file."""
    return {
        "meaning": tuning.meaning,
        "settled": tuning.settled,
        "arms": {
            name: {
                "space": [dict(one) for one in arm.space],
                "default": None if arm.default is None else dict(arm.default),
                "trials": [_trial_content(trial) for trial in arm.trials],
                "chosen": None if arm.chosen is None else _plain(arm.chosen),
            }
            for name, arm in tuning.arms.items()
        },
    }


def write_tuning(tuning: Tuning, study: str, preset: str, store: Path) -> None:
    """Write the record atomically. Raises UserError if it cannot be written."""
    path = record_path(study, preset, store)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps(content_of(tuning), indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; fix that, or pass a writable folder with --store"
        ) from error


def _trial_content(trial: PilotTrial) -> dict[str, Any]:
    content = _plain(trial)
    return content if trial.reason else {key: value for key, value in content.items() if key != "reason"}


def _plain(part: PilotTrial | ChosenPoint) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(part).items()}


def _arm(content: Mapping[str, Any]) -> TunedArm:
    trials = [_trial(trial) for trial in content["trials"]]
    chosen = content["chosen"]
    return TunedArm(
        space=tuple(content["space"]),
        default=content["default"],
        trials=tuple(trials),
        chosen=None if chosen is None else _chosen(chosen),
    )


def _trial(content: Mapping[str, Any]) -> PilotTrial:
    if content["state"] not in STATES:
        raise ValueError(f"state of trial {content['number']}: {content['state']}")
    return PilotTrial(
        number=int(content["number"]),
        state=str(content["state"]),
        point=dict(content["point"]),
        cell=str(content["cell"]),
        level=str(content.get("level", "")),
        overrides=_words(content["overrides"]),
        reason=str(content.get("reason", "")),
        core_hours=float(content["core_hours"]),
        device_hours=float(content["device_hours"]),
    )


def _chosen(content: Mapping[str, Any]) -> ChosenPoint:
    return ChosenPoint(
        point=dict(content["point"]),
        overrides=_words(content["overrides"]),
        mean=float(content["mean"]),
        sd=float(content["sd"]),
        edges=_words(content["edges"]),
    )


def _words(content: Sequence[Any]) -> tuple[str, ...]:
    return tuple(map(str, content))

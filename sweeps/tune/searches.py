"""From a tuned arm of a preset to its search: the arm's overrides, the parameters that matter for it, and the study's budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sspo.config import TrainConfig
from sspo.errors import NotHere, UserError
from sspo.runs.content_hash import content_hash
from sspo.runs.identity import identity
from sweeps.plan.arms import later_wins
from sweeps.plan.tuned import stem_of
from sweeps.search.cells import cell_at
from sweeps.search.corners import check_corners, corners_of, without_effect
from sweeps.search.driver import words
from sweeps.search.spec import Search, SearchHead, SearchPreset
from sweeps.study.spec import Study
from sweeps.study.tune import Tune
from sweeps.study.tune_checks import CLIP_BOUNDS, options_set
from sweeps.tune.default import default_point

UNCOUNTED = 100_000
"""Number of trials of an arm whose budget is hours, which end first."""


@dataclass(frozen=True, kw_only=True)
class ArmSearch:
    """The search of one arm."""

    search: Search
    dropped: tuple[str, ...] = ()
    """Parameters of the study that change nothing for the arm."""


def searches_of(study: Study, preset: str) -> Mapping[str, Search]:
    """Return the search of every tuned arm of a preset, named as its Optuna study. Raises as `arm_searches`."""
    return {name: found.search for name, found in arm_searches(study, preset).items()}


def arm_searches(study: Study, preset: str) -> Mapping[str, ArmSearch]:
    """Return the search of every tuned arm of a preset, with what was dropped from it.

    An arm with nothing to tune has one trial, at its default. Raises UserError for a corner of a space that no run can have, for arms
    that differ only in what is tuned or meet in a corner, and if nothing matters for any arm; NotHere for a missing model or missing questions.
    """
    found = {name: _of_arm(study, preset, name) for name in study.tuned_arms(preset)}
    if not any(one.search.space for one in found.values()):
        raise UserError(
            f"{study.name}: no parameter of tune.space changes anything for any arm; name options that a run depends on, or leave tune out"
        )
    _refuse_twins(study, preset, found)
    _refuse_meetings(study, preset, found)
    return found


def dropped_lines(found: Mapping[str, ArmSearch]) -> list[str]:
    """Return one line per arm that lacks parameters of the study, for `sweeps plan`."""
    return [
        f"tuning of {name} leaves out {', '.join(one.dropped)}, on which no run of it depends"
        + ("" if one.search.space else "; it has one trial, its default")
        for name, one in found.items()
        if one.dropped
    ]


def _of_arm(study: Study, preset: str, name: str) -> ArmSearch:
    tune = study.tuning(preset)
    assert tune is not None, "the study tunes nothing"
    whole = _search(study, preset, name, tune)
    try:
        config = cell_at(whole, preset, {}).config
    except NotHere as error:
        raise NotHere(f"{study.name}, {study.described(name)}: {error}") from error
    except UserError as error:
        raise UserError(f"{study.name}, {study.described(name)}: {error}") from error
    dropped = without_effect(whole, preset)
    search = replace(whole, space=tuple(one for one in whole.space if one.key not in dropped))
    _check_target(search, config)
    if not search.space:
        search = replace(search, presets={preset: replace(search.presets[preset], trials=1)})
    start = default_point(search) if tune.head.start_at_default or not search.space else None
    search = replace(search, points=() if start is None else (start,))
    check_corners(search, preset)
    return ArmSearch(search=search, dropped=dropped)


def _check_target(search: Search, config: TrainConfig) -> None:
    """Refuse clip bounds that are tuned while a controller moves them, which a file of conf/ may have set."""
    target = config.objective.bounds.target_clip_frac
    for parameter in search.space:
        if target is not None and options_set(parameter) & CLIP_BOUNDS:
            raise UserError(
                f"{search.name}: space.{parameter.key} sets clip bounds, but objective.bounds.target_clip_frac={target:g} moves "
                "them; leave one of the two out"
            )


def _search(study: Study, preset: str, name: str, tune: Tune) -> Search:
    """Return the search of an arm over all parameters that are tuned for it."""
    head, chosen = tune.head, study.presets[preset]
    return Search(
        name=f"{stem_of(study.name, preset)}.{name}",
        head=SearchHead(
            title=study.head.title,
            primary=study.head.primary,
            sampler=head.sampler,
            pruner=head.pruner,
            retries=head.retries,
            overrides=later_wins((*chosen.overrides, *study.arms[name].overrides)),
        ),
        space=tune.of_arm(name),
        points=(),
        presets={
            preset: SearchPreset(
                trials=int(head.budget.amount) if head.budget.unit == "trials" else UNCOUNTED,
                seeds=head.seeds,
            )
        },
        dimensions=tuple(one.key for one in tune.space),
    )


def _refuse_twins(study: Study, preset: str, found: Mapping[str, ArmSearch]) -> None:
    """Refuse arms that are equal at every corner apart from the options that are tuned for both: they would end as one cell."""
    owner: dict[str, str] = {}
    for name, one in found.items():
        if not one.search.space:
            continue
        other = owner.setdefault(_rest_hash(one.search, preset), name)
        if other != name:
            raise UserError(
                f"{study.name}: arms '{other}' and '{name}' differ only in options that are tuned for both, so they would become the same "
                "run; leave one out, or tune an option in which they do not differ"
            )


def _refuse_meetings(study: Study, preset: str, found: Mapping[str, ArmSearch]) -> None:
    """Refuse arms that are one cell at a corner of both spaces: if both chose it, nothing would be left to compare, after all that tuning
    cost."""
    owner: dict[str, str] = {}
    for name, one in found.items():
        for corner in corners_of(one.search.space):
            other = owner.setdefault(cell_at(one.search, preset, corner).name, name)
            if other != name:
                raise UserError(
                    f"{study.name}: arms '{other}' and '{name}' are the same run where '{name}' has {words(corner) or 'its default'}, so "
                    "tuning could make them one; keep their spaces apart, or leave one out"
                )


def _rest_hash(search: Search, preset: str) -> str:
    """Return a digest of the cells at all corners without the options that are tuned."""
    tuned = sorted({option for parameter in search.space for option in options_set(parameter)})
    corners = [
        _without(identity(cell_at(search, preset, corner).config), tuned)
        for corner in corners_of(search.space)
    ]
    return content_hash({"tuned": tuned, "corners": corners})


def _without(values: Mapping[str, object], options: Sequence[str], prefix: str = "") -> dict[str, object]:
    return {
        key: _without(value, options, f"{prefix}{key}.") if isinstance(value, Mapping) else value
        for key, value in values.items()
        if prefix + key not in options
    }

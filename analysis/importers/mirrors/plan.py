"""The study of mirrors: the plan that they carry or, for runs that no sweep started, a plan made from the runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.importers.limits import shown
from analysis.importers.mirrors.answers import final_answers
from analysis.importers.mirrors.read import Mirrored
from analysis.importers.spec import check_name
from analysis.logs.manifest import PRESETS
from sspo.errors import UserError, unknown

Plan = Mapping[str, Any]


def choose_plan(mirrors: Sequence[Mirrored], name: str, wanted: str | None) -> Plan:
    """Return the plan of study `wanted` (STUDY or STUDY.PRESET), else of `name`, else of the only study of the mirrors.

    Among several presets, the strongest whose runs all have a mirror counts, else the strongest; of a changed plan, the latest
    version. Raises UserError if there is no such plan, or if there are several studies.
    """
    plans = _plans(mirrors)
    if not plans:
        if wanted is not None:
            raise UserError(
                f"these mirrors carry no plan of {shown(wanted)}: their runs were not trained by a sweep"
            )
        return _unplanned(mirrors)
    studies = list(dict.fromkeys(study for study, _ in plans))
    study, preset = _named(wanted or (name if name in studies else ""), studies)
    if not study and len(studies) > 1:
        raise UserError(
            f"these mirrors are of {len(studies)} studies ({', '.join(studies)}): choose one with --plan STUDY"
        )
    study = study or studies[0]
    found = {one: plan for (of, one), plan in plans.items() if of == study and preset in ("", one)}
    if not found:
        raise unknown("study in these mirrors", wanted or name, [f"{of}.{one}" for of, one in plans])
    there = {(mirror.cell, mirror.seed) for mirror in mirrors}
    ordered = sorted(found, key=lambda one: PRESETS.index(one) if one in PRESETS else len(PRESETS))
    whole = [one for one in ordered if set(_runs(found[one])) <= there]
    return found[(whole or ordered)[0]]


def _named(text: str, studies: Sequence[str]) -> tuple[str, str]:
    """Split STUDY or STUDY.PRESET into study and preset; a study's name may contain a dot, such as paper_1.5b."""
    study, _, preset = text.rpartition(".")
    return (text, "") if text in studies or not study else (study, preset)


def _plans(mirrors: Sequence[Mirrored]) -> dict[tuple[str, str], Plan]:
    """Return, by study and preset, the plan carried by the mirror that was begun last."""
    found: dict[tuple[str, str], Plan] = {}
    for mirror in mirrors:
        listed = mirror.config.get("plans")
        for plan in listed if isinstance(listed, list) else ():
            if isinstance(plan, Mapping) and "study" in plan:
                found[str(plan["study"]), str(plan.get("preset"))] = plan
    return found


def _runs(plan: Plan) -> Iterator[tuple[str, int]]:
    """Yield cell and seed of every planned run. Raises UserError for a plan that is not valid."""
    try:
        for arm in plan["arms"]:
            yield from ((str(arm["cell"]), int(seed)) for seed in arm["seeds"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"a mirror carries a plan that does not list its arms ({error})") from error


def _unplanned(mirrors: Sequence[Mirrored]) -> Plan:
    """Make a plan after the fact: one arm per cell, named like its runs; the untrained base is the one without a rollout."""
    arms: dict[str, dict[str, Any]] = {}
    for mirror in mirrors:
        name = mirror.group("run").get("arm") or mirror.group("objective").get("name")
        arm = arms.setdefault(
            check_name("arm", str(name)),
            {"name": str(name), "role": _role(mirror), "cell": mirror.cell, "seeds": []},
        )
        if arm["cell"] != mirror.cell:
            raise UserError(
                f"cells {arm['cell']} and {mirror.cell} are both called {name}: train them as arms of a study, or import "
                "their mirrors as two studies"
            )
        arm["seeds"].append(mirror.seed)
    ordered = sorted(arms.values(), key=lambda arm: arm["role"] != "base")
    for arm in ordered:
        arm["seeds"].sort()
    first = next((arm for arm in ordered if arm["role"] != "base"), ordered[0])
    return {"arms": ordered, "baseline": first["name"], "test": "welch", "primary": _primary(mirrors)}


def _role(mirror: Mirrored) -> str:
    return "base" if mirror.group("trainer").get("rollouts") == 0 else "arm"


def _primary(mirrors: Sequence[Mirrored]) -> dict[str, Any]:
    """Return the primary decoding: sampled at the highest temperature if there is any, as in other imports."""
    drawn = {
        (str(answer["mode"]), float(answer["temperature"]))
        for one in mirrors
        for answer in final_answers(one)
        if isinstance(answer.get("temperature"), int | float) and "mode" in answer
    }
    mode, temperature = max(drawn, key=lambda one: (one[0] == "sampled", one[1]), default=("sampled", 1.0))
    return {"mode": mode, "temperature": temperature}

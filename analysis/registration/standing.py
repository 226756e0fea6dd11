"""The standing of a report: registered or exploratory, finished or not, and the level at which it may test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.logs.compact import Logs
from analysis.logs.manifest import Arm, Study
from analysis.registration import marks
from analysis.registration.looks import Look, looks_from
from analysis.registration.record import SHORT, Registration, fewest_seeds, from_content, looks_of, runs_of
from analysis.registration.spending import ALPHA, nominal_level
from sspo.errors import UserError

REGISTERED, EXPLORATORY = "registered", "exploratory"
POST_HOC, NOT_REGISTERED = "post hoc", "not registered"
COUNTED = ("done", "diverged")
ENDED = (*COUNTED, "failed", "broken")
NOT_BEGUN = "missing"
NO_REGISTRATION = "Exploratory: no registration precedes these runs."
Runs = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The standing of a report: its registration, and the tests that it may show."""

    state: str
    """`registered` or `exploratory`."""
    digest: str | None = None
    time: str | None = None
    alpha: float | None
    """The two-sided level at which this report may test; if None, it shows no p, no bold and no verdict."""
    finished: bool
    at_look: int | None = None
    """Seeds per arm of the planned look that this report takes; None if it takes none."""
    paired: bool = False
    """Whether tests are paired by seed: only if that was registered."""
    marks: tuple[str, ...] = ()
    """Sentences for the report's header."""
    seeds: int = 0
    """Seeds per arm with a result: the fewest over competing arms and references."""
    ended: int = 0
    """Runs that ended."""
    first_start: str | None = None
    """When the first of these runs began, UTC; None unless all of them record it."""
    claims: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Digests of the claims that were registered before any result, by file."""

    def claim_state(self, file: str, digest: str, written: str | None = None) -> str:
        """Return `registered`, `post hoc` or `not registered`. `written` is the date that the file of claims states."""
        if digest in self.claims.get(file, ()):
            return REGISTERED
        if written is None or self.first_start is None or written[:10] >= self.first_start[:10]:
            return POST_HOC
        return NOT_REGISTERED


def standing(logs: Logs, study: Study, others: Runs = ()) -> Standing:
    """Return the standing of compact logs; `others` are runs on which the study's choices rest, such as pilots, and which the registration must
    precede too. Raises UserError if the registration or looks beside them are damaged."""
    return stands(logs.manifest, logs.runs, logs.registration, logs.looks, study, others)


def stands(
    manifest: Mapping[str, Any],
    runs: Runs,
    content: Mapping[str, Any] | None,
    looks: Sequence[Mapping[str, Any]],
    study: Study,
    others: Runs = (),
) -> Standing:
    """Return the standing from the parts of compact logs. Raises UserError if the registration or looks are damaged."""
    if content is None or study.imported or study.mirrored is not None:
        return _exploratory(_without(runs), None, manifest, runs, study)
    try:
        registration = from_content(content)
    except UserError as error:
        raise UserError(f"logs/registration.json of {study.name} is damaged: {error}") from error
    flaw = registration.flaw()
    if flaw is not None:
        return _exploratory(f"Exploratory: the registration was edited: {flaw}.", None, manifest, runs, study)
    own = registration.preset == study.preset
    if not own and not marks.shares(registration, study):
        return _exploratory(NO_REGISTRATION, None, manifest, runs, study)
    foreign = _strangers((*runs, *others), registration, study, own)
    if foreign:
        why = marks.strangers(foreign, registration, len(runs) + len(others))
        return _exploratory(why, registration, manifest, runs, study)
    return _Registered(manifest, runs, registration, looks_from(looks), study, own).standing()


def seeds_done(runs: Runs, study: Study) -> int:
    """Return the seeds per arm with a result: the fewest over competing arms and their references."""
    done = Counter(str(run["arm"]) for run in runs if run["status"] in COUNTED)
    judged = {arm.name for arm in (*study.arms, *study.references()) if _judged(arm, study)}
    return min((done[name] for name in judged), default=0)


def _carries(runs: Runs) -> bool:
    return any(_carried(run).get("registration") for run in runs)


def _without(runs: Runs) -> str:
    """Return the sentence for a report without a registration, naming one that its runs carry."""
    carried = {str(digest)[:SHORT] for run in runs if (digest := _carried(run).get("registration"))}
    if not carried:
        return NO_REGISTRATION
    return f"Exploratory: runs carry registration {', '.join(sorted(carried))}, which was not found."


def _carried(run: Mapping[str, Any]) -> Mapping[str, Any]:
    carried = run.get("planned")
    return carried if isinstance(carried, dict) else {}


def _judged(arm: Arm, study: Study) -> bool:
    return arm.competes or arm in study.references()


def _exploratory(
    why: str,
    registration: Registration | None,
    manifest: Mapping[str, Any],
    runs: Runs,
    study: Study,
) -> Standing:
    finished = all(run["status"] in ENDED for run in runs)
    return Standing(
        state=EXPLORATORY,
        # losing the registration does not allow tests of its runs before their end
        alpha=ALPHA if finished or registration is not None or not _carries(runs) else None,
        finished=finished,
        marks=(why, *marks.former(registration, study, manifest)),
        seeds=seeds_done(runs, study),
        ended=_ended(runs),
        first_start=_first_start(runs, study),
    )


def _strangers(runs: Runs, registration: Registration, study: Study, own: bool) -> list[Mapping[str, Any]]:
    """Return the runs that began without the registration, or under an amendment that it does not have, apart from the untrained base."""
    bases = {arm.name for arm in study.with_role("base")}
    mine = set(runs_of(registration.plan)) | set(runs_of(registration.latest))
    sealed = {None, *(amendment.digest for amendment in registration.amendments)}
    found = []
    for run in runs:
        if run["arm"] in bases or run["status"] == NOT_BEGUN:
            continue
        if not own and (str(run["cell"]), int(run["seed"])) not in mine:
            continue
        carried = _carried(run)
        if carried.get("registration") != registration.digest or carried.get("amendment") not in sealed:
            found.append(run)
    return found


def _ended(runs: Runs) -> int:
    return sum(run["status"] in ENDED for run in runs)


def _first_start(runs: Runs, study: Study) -> str | None:
    """Return when the first run began; None if a run that began does not record it."""
    bases = {arm.name for arm in study.with_role("base")}
    begun = [run for run in runs if run["status"] != NOT_BEGUN and run["arm"] not in bases]
    times = [_carried(run).get("started") for run in begun]
    return min(map(str, times)) if times and all(times) else None


@dataclass(frozen=True)
class _Registered:
    """A report whose runs all carry the registration."""

    manifest: Mapping[str, Any]
    runs: Runs
    registration: Registration
    looks: tuple[Look, ...]
    study: Study
    own: bool
    """Whether it is of the registered preset; otherwise its preset has some of the registered runs."""

    def standing(self) -> Standing:
        """Return the report's standing."""
        finished, seeds, ended = self._finished(), seeds_done(self.runs, self.study), _ended(self.runs)
        planned = looks_of(self.registration.binding)
        looked = any(look.same(self.study.preset, seeds, ended) for look in self.looks)
        at_look = seeds if not finished and seeds in planned and not self._used(seeds, ended) else None
        alpha: float | None = None
        if finished or at_look is not None:
            alpha = self._level(at_look)
        elif looked:
            alpha = ALPHA
        return Standing(
            state=REGISTERED,
            digest=self.registration.digest,
            time=self.registration.time,
            alpha=alpha,
            finished=finished,
            at_look=at_look,
            paired=self.registration.binding["test"] == "paired",
            marks=tuple(self._marks(alpha, finished, at_look, seeds, ended)),
            seeds=seeds,
            ended=ended,
            first_start=_first_start(self.runs, self.study),
            claims=self._claims(),
        )

    def _used(self, seeds: int, ended: int) -> bool:
        """Return whether the planned look at this number of seeds was taken on other data: its level is spent once."""
        taken = [look for look in self.looks if look.planned and look.seeds == seeds]
        return any(look.ended != ended for look in taken)

    def _end(self) -> int:
        return fewest_seeds(self.registration.binding)

    def _finished(self) -> bool:
        """Return whether every run of the plan has ended, including dropped seeds of arms that the study still has."""
        if not self.own:
            return False
        names = {arm.name for arm in self.study.arms}
        registered = runs_of(self.registration.binding).items()
        awaited = {(arm, seed) for (_, seed), arm in registered if arm in names}
        awaited |= {(arm.name, seed) for arm in self.study.arms for seed in arm.seeds}
        return awaited <= {(run["arm"], run["seed"]) for run in self.runs if run["status"] in ENDED}

    def _level(self, at_look: int | None) -> float:
        """Return the level of the test at a planned look, or at the end."""
        planned, end = looks_of(self.registration.binding), self._end()
        fractions = [look / end for look in planned if look < end]
        if not fractions:
            return ALPHA
        at = planned.index(at_look) if at_look is not None else len(fractions)
        return nominal_level([*fractions, 1.0], at)

    def _claims(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        early = [one.plan for one in self.registration.amendments if not one.after_results]
        for plan in (self.registration.plan, *early):
            for file, of in plan["claims"].items():
                found.setdefault(file, set()).update(of["claims"].values())
        return {file: frozenset(digests) for file, digests in found.items()}

    def _marks(
        self, alpha: float | None, finished: bool, at_look: int | None, seeds: int, ended: int
    ) -> Iterator[str]:
        yield marks.head(self.registration)
        if not finished:
            yield self._unfinished(alpha, at_look, seeds, ended)
        elif alpha != ALPHA:
            count = len(looks_of(self.registration.binding)) + 1
            yield f"The last of {count} planned tests: its two-sided level is {alpha:.4f} of {ALPHA:g} (O'Brien-Fleming)."
        yield from marks.amendments(self.registration, self.study)
        yield from marks.unplanned(self.looks, self._end())
        if finished:
            yield from marks.failures(self.runs, len(self.runs))
        yield from marks.former(self.registration, self.study, self.manifest)

    def _unfinished(self, alpha: float | None, at_look: int | None, seeds: int, ended: int) -> str:
        end = self._end()
        whose = "" if self.own else f", part of the plan registered under preset {self.registration.preset}"
        if at_look is not None:
            return (
                f"Planned look at {at_look} of {end} seeds{whose}: its two-sided level is {_level_text(alpha)} of {ALPHA:g} "
                "(O'Brien-Fleming)."
            )
        so_far = f"Unfinished: {ended} of {len(self.runs)} runs ended{whose}"
        if alpha is not None:
            return f"{so_far}; p, bold and verdicts are shown as an unplanned look."
        following = [look for look in looks_of(self.registration.binding) if look > seeds]
        if self._used(seeds, ended):
            so_far += f"; the planned look at {seeds} seeds was already taken on other data"
        until = f"the planned look at {following[0]} seeds" if following else f"the end at {end} seeds"
        return f"{so_far}; no p, no bold and no verdict before {until}."


def _level_text(level: float | None) -> str:
    assert level is not None, "a planned look has a level"
    return f"{level:.2g}" if level < 0.001 else f"{level:.4f}"

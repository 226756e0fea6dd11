"""Arms that were scored in different ways, or on different questions, so that a comparison of them is confounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from analysis.evidence.evidence import Evidence
from analysis.logs.manifest import Arm
from sspo.config import OWN_BACKEND

SETTINGS = {
    "tool": "tool",
    "version": "tool version",
    "grader": "grader",
    "prompt": "prompt template",
    "system prompt": "system prompt",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "engine": "sampling engine",
    "max_tokens": "token limit",
    "k": "samples per question",
    "fewshot": "examples in the prompt",
    "stop": "stop sequences",
    "stream": "random stream",
    "batch": "batch",
    "numbers": "numerics of the code",
    "precision": "precision",
}
"""Settings in which scorings are compared: the key in a record's `scored_by`, and its name in words. The model is left out, as arms
differ in it by definition. Options of our own evaluations that have dotted names are compared as well."""
USUAL = "the default"
"""The value of such an option if one of our runs does not state it."""
NEEDED = ("temperature", "grader")
"""Settings without which it cannot be determined whether arms were scored in the same way."""
NAMED = 4
"""Arms, or questions' sets, that a sentence names before it counts the others."""
SHOWN = 60
"""Characters of a setting in a sentence."""


def scored_apart(evidence: Evidence) -> Iterator[str]:
    """Yield one sentence per setting on which runs differ, then settings that are not stated, then sets of which arms answered
    different questions. Settings are compared only between arms that state them."""
    stated = _stated(evidence)
    if not stated:
        return
    tools_differ = len(set(map(tuple, (of.get("tool", ()) for of in stated.values())))) > 1
    options = dict.fromkeys(key for of in stated.values() for key in of if "." in key)
    for key, words in (SETTINGS | {key: key for key in options}).items():
        found = {arm: of[key] for arm, of in stated.items() if key in of}
        mixed = len(set(found.values())) > 1 or any(len(values) > 1 for values in found.values())
        if mixed and not (key == "version" and tools_differ):
            yield f"Scored differently: {words} is {_who(found)}."
    for key in NEEDED:
        silent = [arm for arm, of in stated.items() if key not in of]
        if silent and len(stated) > 1:
            yield f"The {SETTINGS[key]} of {listed(silent)} is not recorded: it may differ from that of other arms."
    if evidence.by_question:
        yield from _other_questions(evidence)
        yield from _other_texts(evidence)


def rewarded_apart(evidence: Evidence) -> Iterator[str]:
    """Yield a sentence on arms whose answers a different reward scores than their reference's: `reward.name` scores the
    evaluation too, so these scores are in different units.
    """
    rewards = [(arm, _reward(arm), other, _reward(other)) for arm, other in _tested(evidence)]
    found = [
        f"{arm.label} by {mine}, {other.label} by {theirs}"
        for arm, mine, other, theirs in rewards
        if mine != theirs
    ]
    if found:
        yield f"Scored by different rewards, so these scores cannot be compared: {listed(found, '; ')}."


def trained_apart(evidence: Evidence) -> Iterator[str]:
    """Yield a sentence on arms that different backends trained: they differ in more than their options."""
    found = {}
    for arm in evidence.study.arms:
        records = [evidence.logs.runs[run] for run in evidence.counted(arm)] if arm.role != "base" else []
        if records:
            found[arm.label] = tuple(sorted({str(one.get("backend", OWN_BACKEND)) for one in records}))
    if len(set(found.values())) > 1 or any(len(values) > 1 for values in found.values()):
        yield (
            f"Trained by different backends: {_who(found)}. Each rounds in its own way and, unless vLLM samples for both, "
            "draws its own random numbers: then arms of one seed do not share their first responses."
        )


def _reward(arm: Arm) -> str:
    """Return the reward that scores an arm, with the options that it is given."""
    given = dict(text.partition("=")[::2] for text in arm.overrides)
    name = given.get("reward.name", given.get("reward", USUAL))
    options = given.get("reward.options", "")
    return " ".join(_short(text.strip("'\"")) for text in (name, options) if text)


def _stated(evidence: Evidence) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the distinct values of every setting that an arm's runs state, by the arm's label; empty if no run states any."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    every = [record.get("scored_by") or {} for record in evidence.logs.runs]
    options = sorted({key for record in every for key in record if "." in key})
    for arm in evidence.study.arms:
        records = [evidence.logs.runs[run].get("scored_by") or {} for run in evidence.counted(arm)]
        if records:
            said = {key: tuple(sorted({str(r[key]) for r in records if key in r})) for key in SETTINGS}
            ours = [r for r in records if r.get("tool") == "sspo"]
            said |= {key: tuple(sorted({str(r.get(key, USUAL)) for r in ours})) for key in options}
            found[arm.label] = {key: values for key, values in said.items() if values}
    return found if any(found.values()) else {}


def _who(found: Mapping[str, tuple[str, ...]]) -> str:
    """List the values, each with the arms that have it."""
    by_value: dict[tuple[str, ...], list[str]] = {}
    for arm, values in found.items():
        by_value.setdefault(values, []).append(arm)
    said = [f"{' and '.join(map(_short, values))} for {listed(arms)}" for values, arms in by_value.items()]
    return listed(said, ", ")


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _other_questions(evidence: Evidence) -> Iterator[str]:
    """Yield one sentence per set of which an arm and its reference answered different questions."""
    asked, pairs = _asked(evidence), _tested(evidence)
    for group in evidence.sets:
        found = []
        for arm, other in pairs:
            mine, theirs = asked.get((arm.name, group)), asked.get((other.name, group))
            if mine and theirs and mine != theirs:
                found.append(
                    f"{arm.label} ({len(mine)}) and {other.label} ({len(theirs)}) share {len(mine & theirs)}"
                )
        if found:
            yield f"Different questions of {group}: {listed(found, '; ')}."


def _other_texts(evidence: Evidence) -> Iterator[str]:
    """Yield one sentence per set of which an arm and its reference state different questions under the same ids."""
    asked, pairs = _asked(evidence), _tested(evidence)
    for group in evidence.sets:
        found = []
        for arm, other in pairs:
            if asked.get((arm.name, group)) != asked.get((other.name, group)):
                continue
            mine, theirs = (_digests(evidence, one, group) for one in (other, arm))
            if len(mine | theirs) > 1 and mine and theirs:
                found.append(f"{other.label} and {arm.label}")
        if found:
            yield f"Different questions or right answers under the same ids of {group}: {listed(found, '; ')}."


def _digests(evidence: Evidence, arm: Arm, group: str) -> set[str]:
    records = [evidence.logs.runs[run].get("questions") or {} for run in evidence.counted(arm)]
    return {str(record[group]) for record in records if group in record}


def _tested(evidence: Evidence) -> list[tuple[Arm, Arm]]:
    """Return every tested arm with its reference; the untrained base is paired with the baseline."""
    study = evidence.study
    baseline = study.arm(study.baseline)
    against = [(arm, baseline if arm.role == "base" else study.reference_of(arm)) for arm in study.arms]
    return [(arm, other) for arm, other in against if other is not None]


def _asked(evidence: Evidence) -> dict[tuple[str, str], set[str]]:
    """Return, by arm and set, the questions that any of the arm's runs answered."""
    arms = evidence.runs["arm"].to_dict()
    found: dict[tuple[str, str], set[str]] = {}
    questions = evidence.final[["run", "set", "question"]].drop_duplicates()
    for run, group, question in questions.itertuples(index=False):
        found.setdefault((str(arms[run]), str(group)), set()).add(str(question))
    return found


def listed(found: list[str], between: str = ", ", named: int = NAMED) -> str:
    """List the first few, and the number of the rest."""
    more = f"{between}and {len(found) - named} more" if len(found) > named else ""
    return between.join(found[:named]) + more

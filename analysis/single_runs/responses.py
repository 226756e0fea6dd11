"""Sampled responses of several runs to the same prompts, from the last rollout that logged any."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from analysis.evidence.evidence import Evidence
from analysis.logs.compact import EVAL_SCHEMA, Logs
from analysis.logs.run_files import Damaged, settings
from analysis.logs.sample_choice import TOKENS, index_of, read_at
from analysis.logs.samples import Prompt, Sample, by_prompt, head
from analysis.single_runs.read import Run
from sspo.runs import runlog

CAPTION = (
    "From the last rollout that logged responses; prompts that more runs answered come first. Entropy is that of the sampling policy, the "
    "mean over a segment; ratio and clipping are as in one more update."
)

Key = tuple[int, int, str]


def choose(runs: Sequence[Run], most: int) -> tuple[list[Sample], dict[int, str]]:
    """Choose at most `most` samples per run, in the order of their prompts; return them with a sentence for
    each run whose samples cannot be read.
    """
    logged: dict[int, dict[Key, Sample]] = {}
    broken: dict[int, str] = {}
    for number, run in enumerate(runs):
        try:
            logged[number] = _last(run, number)
        except (ValueError, OSError) as error:
            broken[number] = str(error) if isinstance(error, ValueError) else f"cannot read {runlog.SAMPLES}"
    return _pick(logged, most) if most > 0 else [], broken


def _last(run: Run, number: int) -> dict[Key, Sample]:
    """Return samples of the last logged rollout, keyed by what they answer. Raises ValueError naming a bad
    line.
    """
    path = run.folder / runlog.SAMPLES
    if not path.is_file():
        return {}
    index = index_of(path)
    last = max((rollout for rollout, _ in index), default=None)
    found = (
        read_at(path, at, number)
        for (rollout, _), at in sorted(index.items(), key=lambda i: i[0])
        if rollout == last
    )
    return {(sample.rollout, sample.row, sample.prompt): head(sample, TOKENS) for sample in found}


def _pick(logged: Mapping[int, Mapping[Key, Sample]], most: int) -> list[Sample]:
    answers: dict[Key, list[Sample]] = defaultdict(list)
    for samples in logged.values():
        for key, sample in samples.items():
            answers[key].append(sample)

    def order(key: Key) -> tuple[int, int, Key]:
        mine = answers[key]
        return -len(mine), -sum(sample.advantage != 0 for sample in mine), key

    shown: Counter[int] = Counter()
    chosen = []
    for key in sorted(answers, key=order):
        wanted = [sample for sample in answers[key] if shown[sample.run] < most]
        shown.update(sample.run for sample in wanted)
        chosen += wanted
    return chosen


def prompts(samples: Sequence[Sample]) -> list[Prompt]:
    """Group samples by what they answer, in order."""
    return by_prompt(samples)


def ratio_level(run: Run) -> str | None:
    """Return the level at which the run's objective takes its ratio."""
    found = run.config.get("objective.ratio")
    return None if found is None else str(found)


def as_evidence(runs: Sequence[Run], samples: Sequence[Sample], broken: Mapping[int, str]) -> Evidence:
    """Return the runs as a study with one run per arm, from which the page's section of samples is made."""
    arms = [
        {"name": str(i), "label": run.label, "role": "arm", "cell": "", "seeds": [0]}
        for i, run in enumerate(runs)
    ]
    manifest = {
        "study": "runs",
        "preset": "default",
        "title": "runs",
        "question": "",
        "baseline": "0",
        "test": "welch",
        "primary": {"mode": "sampled", "temperature": 1.0},
        "arms": arms,
    }
    records = tuple(
        {"arm": str(i), "seed": 0, "status": run.state, **_settings(run)}
        | ({"samples": broken[i]} if i in broken else {})
        for i, run in enumerate(runs)
    )
    nothing = EVAL_SCHEMA.empty_table().to_pandas()
    return Evidence(Logs(manifest, records, nothing[:0], nothing, samples=tuple(samples)))


def _settings(run: Run) -> Mapping[str, object]:
    try:
        return settings(run.nested)
    except Damaged:
        return settings({})

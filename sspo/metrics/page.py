"""docs/metrics.md from the glossary: `python -m sspo.metrics.page > docs/metrics.md`."""

from __future__ import annotations

from collections.abc import Mapping

from sspo.metrics import GLOSSARY, MIN_ELIGIBLE, TIMING_KEYS, Entry

HEAD = f"""# Logged metrics

Generated from `sspo/metrics/glossary.py` (`python -m sspo.metrics.page > docs/metrics.md`); no other key can be logged.

`d` is a token's own log-ratio to the policy that sampled it, `A` its advantage. A token is *clipped* when the clip
removed its gradient: `A > 0` and ratio above `1 + high`, or `A < 0` and ratio below `1 - low`. *Active* tokens have
`A != 0`. Fractions over rare tokens are null below {MIN_ELIGIBLE} of them; the counts behind them
are logged beside them, so that they can be pooled over steps.
Reductions merge over micro-batches before anything is divided.

`metrics.jsonl` has one line per optimizer step with `step` (from 1), `rollout` (from 0) and `update` (from 0 in its
rollout); `reward/` and `rollout/` keys are on a rollout's last line. Seconds and memory are in `timing.jsonl`, one line per
rollout, so that metrics can be compared bit for bit.
"""


MIRROR = """## In the mirror alone

W&B receives all keys above, those of `timing.jsonl` at a rollout's last step, and the following, computed from `eval.jsonl` and
`samples.jsonl`. A decoding is `greedy`, or `sampled_0.6` at T = 0.6; the set `average` is the unweighted mean of sets. Numbers
keep their 64 bits.

| key | unit | meaning |
|---|---|---|
| `eval/<set>/<decoding>` | share | score of the last evaluation: mean over questions of the mean over samples |
| `eval/<set>/<decoding>/<status>` | share | its answers with status `ok`, `wrong`, `unparsable`, `timeout`, `crashed` or `truncated` |
| `eval/<set>/<decoding>/tokens` | tokens | mean length of its answers |
| `curve/<set>`, `curve/<set>/<status>`, `curve/<set>/tokens` | as above | the same for the smaller evaluations during training, at T = 1 |
| `answers/<set>/<decoding>` | table | every answer of the last evaluation: set, question, sample, mode, temperature, value, status, tokens, truncated, rollout, its place in the evaluation, and `second` and `answer` if they are logged. No response, and at most 200 characters of an answer. `/part1`, `/part2` if there are more than 10,000 |
| `samples` | table | sampled responses of a rollout: question, response, the response with a bar at every cut, reward, status, truncated, advantage, tokens |
| `run/state`, `run/seconds`, `run/rollout0_sha256` | | the outcome of the run, and fields of its DONE.json |
"""


def table(entries: Mapping[str, Entry]) -> str:
    """Return a Markdown table of glossary rows."""
    rows = [
        f"| `{e.key}` | {e.unit} | {e.reduction} | {e.meaning.replace('|', chr(92) + '|')} | {e.direction} |"
        for e in entries.values()
    ]
    return "\n".join(["| key | unit | reduction | meaning | wanted |", "|---|---|---|---|---|", *rows]) + "\n"


def page() -> str:
    """Return the whole page."""
    logs = f"## metrics.jsonl\n\n{table(GLOSSARY)}\n## timing.jsonl\n\n{table(TIMING_KEYS)}"
    return f"{HEAD}\n{logs}\n{MIRROR}"


if __name__ == "__main__":
    print(page(), end="")

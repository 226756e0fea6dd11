"""docs/metrics.md from the glossary: `python -m sspo.metrics.page > docs/metrics.md`."""

from __future__ import annotations

from collections.abc import Mapping

from sspo.metrics import GLOSSARY, MIN_ELIGIBLE, TIMING_KEYS, Entry

HEAD = f"""# Logged metrics

Generated from `sspo/metrics/glossary.py` (`python -m sspo.metrics.page > docs/metrics.md`); no other key can be logged.

`d` is a token's own log-ratio to the policy that sampled it, `A` its advantage. A token is *clipped* when the clip
removed its gradient: `A > 0` and ratio above `1 + high`, or `A < 0` and ratio below `1 - low`. *Active* tokens have
`A != 0`. Fractions over rare tokens are null below {MIN_ELIGIBLE} of them; the counts they are made of
are logged beside them, so that they can be pooled over steps.
Reductions merge over micro-batches before anything is divided.

`metrics.jsonl` has a line an optimiser step with `step` (from 1), `rollout` (from 0) and `update` (from 0 in its
rollout); `reward/` and `rollout/` keys stand on a rollout's last line. Seconds live in `timing.jsonl`, a line a
rollout, so that metrics can be compared bit for bit.
"""


def table(entries: Mapping[str, Entry]) -> str:
    """A Markdown table of glossary rows."""
    rows = [
        f"| `{e.key}` | {e.unit} | {e.reduction} | {e.meaning.replace('|', chr(92) + '|')} | {e.direction} |"
        for e in entries.values()
    ]
    return "\n".join(["| key | unit | reduction | meaning | wanted |", "|---|---|---|---|---|", *rows]) + "\n"


def page() -> str:
    """The whole page."""
    return f"{HEAD}\n## metrics.jsonl\n\n{table(GLOSSARY)}\n## timing.jsonl\n\n{table(TIMING_KEYS)}"


if __name__ == "__main__":
    print(page(), end="")

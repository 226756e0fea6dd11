"""docs/objectives.md from VARIANTS: `python -m sspo.objective.page > docs/objectives.md`."""

from __future__ import annotations

from sspo.config import ObjectiveConfig
from sspo.config.choices import ADAPTATIONS, TERMS
from sspo.objective.notes import DEGENERATE, FORMULAS, FRAMEWORKS, HEAD, OPTIONS, ORIGINS
from sspo.objective.variants import VARIANTS


def bounds_text(objective: ObjectiveConfig) -> str:
    """The clip of a row and how it moves, in a cell."""
    clip, bounds, term = objective.clip, objective.bounds, TERMS[objective.term]
    if not term.bounds:
        return f"none; tau {objective.tau.positive:g} / {objective.tau.negative:g}" if term.tau else "none"
    facts = ADAPTATIONS[bounds.adapt]
    low = "none" if term.open_below and clip.low == 1 else f"{clip.low:g}"
    dual = "" if clip.dual is None else f" / dual {clip.dual:g}"
    text = f"{low} / {clip.high:g}{dual}" + (" of the log-ratio" if term.in_logs or facts.in_logs else "")
    if bounds.adapt == "none":
        return text
    side = "" if bounds.side == "both" else f", {bounds.side} side"
    level = f" by {bounds.entropy_level} entropy" if facts.entropy else ""
    alpha = f" {bounds.alpha:g}" if bounds.alpha else ""
    return f"{text}, {bounds.adapt}{alpha}{level}{side}"


def level_text(objective: ObjectiveConfig) -> str:
    """The level of a row's ratio, and how it pools."""
    return objective.ratio + ("" if objective.pooling == "mean" else f", {objective.pooling}")


def table() -> str:
    """A Markdown table of all variants."""
    rows = [
        f"| `{v.name}` | [{v.paper}](https://arxiv.org/abs/{v.paper}) | {v.advantage} | {level_text(v)} | {bounds_text(v)} | {v.term} | {v.aggregation} |"
        for v in VARIANTS.values()
    ]
    head = "| name | paper | advantage | ratio | bounds lo / hi | term | aggregation |\n|---|---|---|---|---|---|---|"
    return "\n".join([head, *rows]) + "\n"


def formulas() -> str:
    """A section a row: formula, the constants' origin, and what others do under its name."""
    parts = []
    for name, formula in FORMULAS.items():
        lines = [f"### {name}\n", f"    {formula}\n", f"Constants: {ORIGINS[name]}\n"]
        if name in FRAMEWORKS:
            lines.append(f"Elsewhere: {FRAMEWORKS[name]}\n")
        parts.append("\n".join(lines))
    return "\n".join(parts)


def page() -> str:
    """The whole page."""
    return f"{HEAD}\n## Named variants\n\n{table()}\n## Row by row\n\n{formulas()}\n{OPTIONS}\n{DEGENERATE}"


if __name__ == "__main__":
    print(page(), end="")

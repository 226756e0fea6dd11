"""The printed table of the law, and its sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sspo.metrics.law import SHAPES, excess, fitting

NAMES = {"fixed": "fixed", "sqrt": "square root", "linear": "linear"}
"""Names of shapes in prose."""
COLUMNS = ("rule", "units", "low H %", "b", "c", "slope", "R^2", *SHAPES, "free b", "fits")


def print_law(out: Console, law: Mapping[str, Any]) -> None:
    """Print one row per rule, and the verdict."""
    view = Table(
        title=f"D^2 = a H^b n^-c at H >= {law['floor']:g} nats, 95 % over {law['unit']}s; "
        "fixed to free b: held-out deviance above the lowest of them",
        title_justify="left",
    )
    for name in COLUMNS:
        view.add_column(name, justify="left" if name == "rule" else "right")
    for row in law["rules"]:
        view.add_row(
            escape(row["rule"]),
            str(row["units"]),
            "–" if row["below"] is None else f"{100 * row['below']:.3g}",
            _interval(row["exponent"]),
            _interval(row["length_exponent"]),
            _short(row["slope"]["value"]),
            _short(row["r2"]["value"]),
            *map(_short, excess({model: found["value"] for model, found in row["gain"].items()}).values()),
            ", ".join(fitting(row["plausible"])) or "–",
        )
    out.print(view)
    out.print(escape(law["verdict"]), soft_wrap=True)


def _interval(estimate: Mapping[str, Any]) -> str:
    if estimate["value"] is None:
        return "–"
    mean = f"{estimate['value']:.2f}"
    return mean if estimate["low"] is None else f"{mean} [{estimate['low']:.2f}, {estimate['high']:.2f}]"


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def verdict(rules: Sequence[Mapping[str, Any]], unit: str) -> str:
    """Return, in one sentence, whether ESTR's exponent is plausible and which shape of a bound fits, by rule."""
    tested = [row for row in rules if row["exponent"]["low"] is not None]
    if not tested:
        return "The law is not tested: an interval takes two runs, or two rollouts of the only run."
    outside = [row for row in tested if _excludes(row["exponent"], 1.0)]
    inside = [row for row in tested if row not in outside]
    bent = [row for row in tested if _excludes(row["curvature"], 0.0)]
    said = [
        (f"ESTR's b = 1 is inside the 95 % interval over {unit}s", inside),
        (f"ESTR's b = 1 is outside the 95 % interval over {unit}s", outside),
        ("b itself changes with entropy", bent),
        *_shapes(tested),
    ]
    return "; ".join(f"{what} under {_listed(rows)}" for what, rows in said if rows) + "."


def _shapes(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Return what is said of the shapes of a bound, with the rules of which it holds."""
    said: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        names = [NAMES[shape] for shape in SHAPES if shape in row["plausible"]]
        worse = [NAMES[shape] for shape in SHAPES if shape not in row["plausible"]]
        what = "fixed, square root and linear bounds cannot be told apart"
        if len(names) == 1:
            what = f"of the three bounds the {names[0]} one fits best"
        elif worse:
            what = f"the {worse[0]} bound fits worse, and the other two cannot be told apart"
        said.setdefault(what, []).append(row)
    return list(said.items())


def _excludes(estimate: Mapping[str, Any], value: float) -> bool:
    return estimate["low"] is not None and not estimate["low"] <= value <= estimate["high"]


def _listed(rows: Sequence[Mapping[str, Any]]) -> str:
    names = [row["rule"] for row in rows]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

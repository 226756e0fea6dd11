"""Recipes of the embedded bases. A recipe's hash names its base in every run that starts from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True, kw_only=True)
class BaseRecipe:
    """Architecture, teaching data and optimizer of an embedded base."""

    seed: int = 7
    hidden_size: int = 96
    intermediate_size: int = 256
    layers: int = 3
    heads: int = 4
    max_positions: int = 512
    min_steps: int = 3
    max_steps: int = 10
    confused_facts: float = 0.15
    """Share of the 300 (a, op, b) facts that are taught wrong, always with the same wrong digit."""
    confusion: float = 0.65
    """Probability that a confused fact is taught wrong; the most likely token is then a wrong one."""
    style: str = "clauses"
    """Format of the answers: a name of STYLES in sspo/tasks/chain.py."""
    noise: float = 0.03
    """Probability that any other fact is taught with a uniformly drawn digit."""
    iterations: int = 700
    batch: int = 80
    lr: float = 3e-3
    warmup: int = 50
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0

    def hash(self) -> str:
        """Return twelve hexadecimal digits over every field. The first base was named before styles existed."""
        fields = asdict(self)
        if self.style == "clauses":
            del fields["style"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:12]


RECIPES = {
    "embedded": BaseRecipe(),
    "embedded_paragraphs": BaseRecipe(style="paragraphs"),
    "embedded_vllm": BaseRecipe(
        heads=3
    ),  # of size 32 each: vLLM's attention on a CPU does not support size 24
}
"""The bases that ship with the project, by their names in `model.path`."""


def weights_folder(base: str) -> Path:
    """Return the folder of a recipe's base."""
    return WEIGHTS / base

"""The options of segmentation, a part of sspo/config/schema.py."""

from __future__ import annotations

from dataclasses import dataclass

from sspo.config.folder_table import names_in

RULES = (*names_in("sspo.segmentation.rules"), "random")
"""The built-in rules; `random` shuffles the segments of another one."""
ENTROPY_OVER = ("response", "rollout")


@dataclass(frozen=True, kw_only=True)
class SegmentationConfig:
    """Segmentation of responses."""

    rule: str = "subsentence"
    """A name of RULES, or a rule of your own: an entry point's name or `path/to/file.py:function` (docs/extending.md)."""
    fixed_tokens: int = 8
    """Tokens per segment of rule 'fixed'."""
    fixed_like: str | None = None
    """Rule 'fixed': as many segments as this rule makes, lengths equal within 1; null cuts by fixed_tokens."""
    random_like: str = "subsentence"
    """The rule whose segment lengths rule 'random' shuffles."""
    entropy_quantile: float = 0.8
    """Rule 'entropy_peak': a segment begins at a local maximum of entropy not below this quantile of its response."""
    entropy_share: float = 0.2
    """Rule 'entropy_group': share of the tokens, those of the highest entropies, that form the second group."""
    entropy_over: str = "response"
    """Rule 'entropy_group': the tokens that this share is taken of: those of the response or of the whole rollout."""
    roles: tuple[str, ...] = ("User", "Assistant", "Human", "System", "Tool", "Observation")
    """Rule 'turn': a line that begins with one of these words and a colon opens a turn, as a special token of a chat format does."""
    pattern: str = r"\n|[.?!]\s"
    """Rule 'regex': a segment ends where a match of this Python regular expression ends."""
    min_tokens: int = 1
    """Segments shorter than this are merged into the next one."""
    max_tokens: int | None = None
    """Segments longer than this are split into parts equal within 1; null never splits."""
    protect_numbers: bool = True
    """No cut at a decimal point or thousands comma between digits."""
    protect_abbreviations: bool = True
    """No cut at the periods of `e.g.`, `Fig.` and similar abbreviations."""
    protect_latex: bool = True
    """No cut inside closed LaTeX: $...$, $$...$$, \\(...\\), \\[...\\], and {...} on one line."""
    protect_code: bool = True
    """No cut inside closed code fences."""

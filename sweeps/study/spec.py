"""What a study's spec may hold: named arms, a baseline, a test fixed before any run, and presets that say how many seeds.

Every default of a spec stands here once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from sspo.errors import UserError, unknown
from sweeps.study.factors import Factor, Point
from sweeps.study.limits import ResourceOverrides, Resources, Retries

ROLES = ("arm", "base", "no_clip", "aa")
TESTS = ("paired", "welch")
MODES = ("greedy", "sampled")
DEFAULT_PRESET = "default"
PAPER_PRESET = "paper"
PRESETS = ("smoke", DEFAULT_PRESET, PAPER_PRESET)
PAPER_SEEDS = 8
"""Fewest seeds an arm behind a claim: what a difference of two standard deviations takes."""
LOOK_SEEDS = 4
"""Fewest seeds an arm at an interim look: with less, a test of means says little that its spread does not hide."""


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The score that arms are compared on: the mean over evaluation sets at the last step."""

    mode: str = "sampled"
    temperature: float = 1.0
    """Of sampling, one that every run is evaluated at; greedy decoding has 0."""


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Thresholds of the checks that make a study informative; analysis applies them."""

    token_arm: str | None = None
    """The arm with token-level ratios whose clip fraction shows whether clipping acts; None for the baseline."""
    base_max: float = 0.60
    """Largest score of the untrained base, greedy and at T = .5, that leaves room to learn, as a share."""
    no_clip_margin: float = 0.20
    """Share by which the arm without clipping must lose to the best arm."""
    token_clip_min: float = 0.005
    """Least clip fraction of the token arm over tokens with A != 0 on the last update of a rollout."""
    ceiling: float = 0.95
    floor: float = 0.05
    min_tokens: float = 50
    """Least mean response length, tokens."""
    min_segments: float = 8
    """Least mean number of segments a response."""
    min_cv: float = 0.5
    """Least coefficient of variation of segment lengths."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Which runs are recorded as they train, and what `sweeps replay` evaluates on their recordings."""

    arms: tuple[str, ...] = ()
    """Whose runs; the baseline where a preset runs none of them, or none is named."""
    seeds: int = 1
    """How many of an arm's first seeds."""
    every: int = 2
    """Rollouts from one recording to the next."""
    objective: tuple[str, ...] = ("objective=sspo", "objective.bounds.adapt=none", "objective.bounds.alpha=0")
    """Overrides of the objective that is replayed under every rule and clip bound."""
    rules: tuple[str, ...] = ("token", "subsentence", "sentence", "response", "random")
    """Names of files in conf/segmentation."""
    clip: str = "1e-4:1:log40"
    """Clip bounds, low and high alike, in the grammar of `python -m sspo.replay`."""
    targets: tuple[float, ...] = (0.005, 0.02, 0.05)
    """Clip fractions at which the rules are compared, each with bounds of its own."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One row of the study's table."""

    role: str = "arm"
    label: str = ""
    """How reports call the arm; its name where empty."""
    overrides: tuple[str, ...] = ()
    copy_of: str | None = None
    """The arm whose cell one of role aa repeats, under seeds of its own."""
    seed_offset: int = 0
    """Added to every seed."""
    seeds: tuple[int, ...] | None = None
    """Instead of the preset's seeds."""
    against: str | None = None
    """The arm that this one is tested against; None for the study's baseline. For arms matched to several targets, each
    with a reference of its own."""
    target_clip_frac: float | None = None
    """The clip fraction that the arm's bounds were calibrated to, over tokens with A != 0 and from a rollout's second
    update on; None where they were not, or where a controller holds the arm at its own target."""

    resources: ResourceOverrides = field(default_factory=ResourceOverrides)
    """What a trial of it may use, where that differs from the study's."""

    def seeds_in(self, preset: Preset) -> tuple[int, ...]:
        """The seeds that the arm runs in a preset."""
        return tuple(seed + self.seed_offset for seed in (self.seeds or preset.seeds))


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The most that all trials of a preset may cost together, finished ones included; None for no limit."""

    core_hours: float | None = None
    """Hours of a processor core, of trials that train on the CPU."""
    device_hours: float | None = None
    """Hours of a CUDA device, of trials that train on one."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A size of the study."""

    arms: tuple[str, ...] | None = None
    """A subset of the arms; None for all."""
    seeds: tuple[int, ...] = ()
    overrides: tuple[str, ...] = ()
    """Applied to every arm before the arm's own, so that an arm's own difference wins."""
    budget: Budget = field(default_factory=Budget)

    def holds(self, arm: str) -> bool:
        """Whether the arm runs in this preset."""
        return self.arms is None or arm in self.arms


@dataclass(frozen=True, kw_only=True)
class StudyHead:
    """What a study says of itself besides its arms and presets."""

    title: str = ""
    question: str = ""
    baseline: str = ""
    test: str = "welch"
    smallest_effect: float = 0.02
    """The least difference of the primary score that would matter, as a share."""
    looks: tuple[int, ...] = ()
    """Planned interim looks: numbers of seeds an arm at which a registered study may be tested before its end."""
    claims: tuple[str, ...] = ()
    """Files of conf/claims that its report judges, such as `paper`."""
    reference: bool = False
    """Whether its results show below them what the SSPO paper reports."""
    primary: Primary = field(default_factory=Primary)
    gates: Gates = field(default_factory=Gates)
    replay: Replay = field(default_factory=Replay)
    resources: Resources = field(default_factory=Resources)
    retries: Retries = field(default_factory=Retries)
    mix_code: bool = False
    """Whether finished runs count that code with other numbers made; the report then says that it mixes them."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A validated spec."""

    name: str
    head: StudyHead
    arms: Mapping[str, Arm]
    presets: Mapping[str, Preset]
    factors: Mapping[str, Factor] = field(default_factory=dict)
    """What a design varies; empty where every arm is written by hand."""
    points: Mapping[str, Point] = field(default_factory=dict)
    """By generated arm, its level of every factor that exists there. Hand-written arms have none."""

    def described(self, arm: str) -> str:
        """How messages call an arm: its name, and its levels where it was generated."""
        point = self.points.get(arm)
        levels = ", ".join(f"{factor}={level}" for factor, level in (point or {}).items())
        return f"arm '{arm}' ({levels})" if levels else f"arm '{arm}'"

    def preset_for(self, named: str | None) -> str:
        """Return the preset that a command runs: the named one, else `default`, else the only one.

        Raises UserError if there is no such preset or several to choose from.
        """
        if named is not None:
            if named not in self.presets:
                raise unknown(f"preset of {self.name}", named, self.presets)
            return named
        if DEFAULT_PRESET in self.presets or len(self.presets) == 1:
            return DEFAULT_PRESET if DEFAULT_PRESET in self.presets else next(iter(self.presets))
        raise UserError(
            f"{self.name} has no preset {DEFAULT_PRESET}: choose one of {', '.join(self.presets)} with --preset (make: PRESET=)"
        )

    def strongest_preset(self) -> str:
        """Return the preset to register and to take interim looks at: the last of PRESETS that the study has."""
        return next(preset for preset in reversed(PRESETS) if preset in self.presets)

    def sha256(self) -> str:
        """Hash of what the spec means: comments, layout and spelled-out defaults do not change it.

        What came later is left out where it is not used, so that older specs keep their hash, and so is what no result
        depends on: how runs are executed, and what the report shows besides them.
        """
        content = asdict(self)
        for key in ("factors", "points"):
            if not content[key]:
                del content[key]
        for preset in content["presets"].values():
            if all(limit is None for limit in preset["budget"].values()):
                del preset["budget"]
        for key in ("mix_code", "smallest_effect", "looks"):
            if getattr(self.head, key) == getattr(StudyHead(), key):
                del content["head"][key]
        for shown in ("claims", "reference"):
            del content["head"][shown]
        for part in (content["head"], *content["arms"].values()):
            for execution in ("resources", "retries"):
                part.pop(execution, None)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

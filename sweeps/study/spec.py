"""The contents of a study's spec: named arms, a baseline, a test fixed before any run, and presets with their seeds.

Every default of a spec is defined here, once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from sspo.errors import UserError, unknown
from sweeps.study.factors import Factor, Point
from sweeps.study.limits import ResourceOverrides, Resources, Retries
from sweeps.study.tune import TUNED_ROLES, Tune, TuneOverrides

ROLES = ("arm", "base", "no_clip", "aa")
TESTS = ("paired", "welch")
MODES = ("greedy", "sampled")
DEFAULT_PRESET = "default"
PAPER_PRESET = "paper"
PRESETS = ("smoke", "full", DEFAULT_PRESET, PAPER_PRESET)
"""From the weakest to the strongest: `full` is a size that takes more hardware, such as all weights in place of adapters, and is
not what a study registers."""
PAPER_SEEDS = 8
"""Fewest seeds per arm behind a claim: the number that a difference of two standard deviations requires."""
LOOK_SEEDS = 4
"""Fewest seeds per arm at an interim look: with fewer, a test of means has little power."""


@dataclass(frozen=True, kw_only=True)
class Primary:
    """The score that arms are compared on: the mean over evaluation sets at the last step."""

    mode: str = "sampled"
    temperature: float = 1.0
    """The sampling temperature, at which every run must be evaluated; 0 for greedy decoding."""


@dataclass(frozen=True, kw_only=True)
class Gates:
    """Thresholds of the checks that make a study informative; analysis applies them."""

    token_arm: str | None = None
    """The arm with token-level ratios whose clip fraction shows whether clipping acts; None for the baseline."""
    base_max: float = 0.60
    """Largest score of the untrained base, greedy and at T = 0.5, that leaves room to learn, as a share."""
    no_clip_margin: float = 0.20
    """Share by which the arm without clipping must lose to the best arm."""
    token_clip_min: float = 0.005
    """Smallest clip fraction of the token arm over tokens with A != 0 on the last update of a rollout."""
    ceiling: float = 0.95
    floor: float = 0.05
    min_tokens: float = 50
    """Smallest mean response length, in tokens."""
    min_segments: float = 8
    """Smallest mean number of segments per response."""
    min_cv: float = 0.5
    """Smallest coefficient of variation of segment lengths."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The runs that are recorded as they train, and how `sweeps replay` evaluates their recordings."""

    arms: tuple[str, ...] = ()
    """Arms whose runs are recorded; the baseline if a preset runs none of them, or none is named."""
    seeds: int = 1
    """Number of an arm's first seeds to record."""
    every: int = 2
    """Number of rollouts from one recording to the next."""
    objective: tuple[str, ...] = ("objective=sspo", "objective.bounds.adapt=none", "objective.bounds.alpha=0")
    """Overrides of the objective that is replayed under every rule and clip bound."""
    rules: tuple[str, ...] = ("token", "subsentence", "sentence", "response", "random")
    """Names of files in conf/segmentation."""
    clip: str = "1e-4:1:log40"
    """Clip bounds, low and high alike, in the grammar of `python -m sspo.replay`."""
    targets: tuple[float, ...] = (0.005, 0.02, 0.05)
    """Clip fractions at which the rules are compared, each with its own bounds."""
    law: bool = False
    """Whether to estimate how squared log-ratios grow with entropy under every rule."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One row of the study's table."""

    role: str = "arm"
    label: str = ""
    """Its label in reports; empty for its name."""
    overrides: tuple[str, ...] = ()
    copy_of: str | None = None
    """The arm whose cell an arm of role aa repeats, with its own seeds."""
    seed_offset: int = 0
    """Added to every seed."""
    seeds: tuple[int, ...] | None = None
    """Its own seeds; None for the preset's."""
    against: str | None = None
    """The arm that this one is tested against; None for the study's baseline. It is for arms matched to several targets, each
    with its own reference."""
    target_clip_frac: float | None = None
    """The clip fraction that the arm's bounds were calibrated to, over tokens with A != 0 and from a rollout's second
    update on; None if they were not calibrated, or if a controller holds the arm at its own target."""

    resources: ResourceOverrides = field(default_factory=ResourceOverrides)
    """Limits of its trials that differ from the study's."""

    def seeds_in(self, preset: Preset) -> tuple[int, ...]:
        """Return the seeds that the arm runs in a preset."""
        return tuple(seed + self.seed_offset for seed in (self.seeds or preset.seeds))


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Maximum total cost of all trials of a preset, including finished ones; None for no limit."""

    core_hours: float | None = None
    """Core hours of trials that train on the CPU."""
    device_hours: float | None = None
    """Device hours of trials that train on CUDA devices."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A size of the study."""

    arms: tuple[str, ...] | None = None
    """A subset of the arms; None for all."""
    seeds: tuple[int, ...] = ()
    overrides: tuple[str, ...] = ()
    """Applied to every arm before the arm's own overrides, which have precedence."""
    resources: ResourceOverrides = field(default_factory=ResourceOverrides)
    """Limits that differ from the study's; those of an arm have precedence."""
    budget: Budget = field(default_factory=Budget)
    tune: TuneOverrides = field(default_factory=TuneOverrides)
    """Its own budget and pilot seeds, of a study that tunes its arms."""

    def holds(self, arm: str) -> bool:
        """Return whether the arm runs in this preset."""
        return self.arms is None or arm in self.arms


@dataclass(frozen=True, kw_only=True)
class StudyHead:
    """The entries of a study besides its arms and presets."""

    title: str = ""
    question: str = ""
    baseline: str = ""
    test: str = "welch"
    smallest_effect: float = 0.02
    """The smallest difference of the primary score that would matter, as a share."""
    looks: tuple[int, ...] = ()
    """Planned interim looks: numbers of seeds per arm at which a registered study may be tested before its end."""
    claims: tuple[str, ...] = ()
    """Files of conf/claims whose claims its report judges, such as `paper`."""
    reference: bool = False
    """Whether the SSPO paper's numbers are shown below its results."""
    primary: Primary = field(default_factory=Primary)
    gates: Gates = field(default_factory=Gates)
    replay: Replay = field(default_factory=Replay)
    resources: Resources = field(default_factory=Resources)
    retries: Retries = field(default_factory=Retries)
    mix_code: bool = False
    """Whether finished runs made by code with different numbers count; the report then states that it mixes them."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A validated spec."""

    name: str
    head: StudyHead
    arms: Mapping[str, Arm]
    presets: Mapping[str, Preset]
    factors: Mapping[str, Factor] = field(default_factory=dict)
    """The factors of a design; empty if every arm is written by hand."""
    points: Mapping[str, Point] = field(default_factory=dict)
    """The level of every factor that exists at each generated arm. Arms written by hand have none."""
    tune: Tune | None = None
    """How its arms are tuned before they are compared; None if every arm runs as it is written."""

    def tuned_arms(self, preset: str) -> tuple[str, ...]:
        """Return the arms of a preset that are tuned, in order; none without `tune`."""
        chosen = self.presets[preset]
        return tuple(
            name
            for name, arm in self.arms.items()
            if self.tune is not None and chosen.holds(name) and arm.role in TUNED_ROLES
        )

    def tuning(self, preset: str) -> Tune | None:
        """Return how a preset tunes its arms: as the study does, apart from what the preset sets itself."""
        own = self.presets[preset].tune
        if self.tune is None:
            return None
        changed = {key: value for key, value in vars(own).items() if value is not None}
        return replace(self.tune, head=replace(self.tune.head, **changed))

    def described(self, arm: str) -> str:
        """Describe an arm in messages: its name, and its levels if it was generated."""
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
        """Return the hash of the spec's meaning: comments, layout and explicit defaults do not change it.

        Options added later are left out at their defaults, so that older specs keep their hash. So are options that do not affect
        results: how runs are executed, and what else the report shows.
        """
        content = asdict(self)
        for key in ("factors", "points", "tune"):
            if not content[key]:
                del content[key]
        for preset in content["presets"].values():
            if all(own is None for own in preset["tune"].values()):
                del preset["tune"]
            if all(limit is None for limit in preset["budget"].values()):
                del preset["budget"]
            del preset["resources"]
        for key in ("mix_code", "smallest_effect", "looks"):
            if getattr(self.head, key) == getattr(StudyHead(), key):
                del content["head"][key]
        if not self.head.replay.law:
            del content["head"]["replay"]["law"]
        for shown in ("claims", "reference"):
            del content["head"][shown]
        for part in (content["head"], *content["arms"].values()):
            for execution in ("resources", "retries"):
                part.pop(execution, None)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

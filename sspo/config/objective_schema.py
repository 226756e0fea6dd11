"""Options of an objective: their types, defaults and meanings, once. They are the group `objective` of schema.py."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """Clip bounds on the importance ratio: it is clipped to [1 - low, 1 + high].

    Term 'gmpo' and adaptation 'position' clip the log-ratio to [-low, high]; other adaptations derive each token's bounds
    from the two.
    """

    low: float = 0.2
    high: float = 0.2
    dual: float | None = None
    """Term 'ppo': a second upper bound where A < 0, which limits what a bad response can cost: beyond 1 + dual a token has no
    gradient. verl's c = 3 is dual = 2; null has none."""


@dataclass(frozen=True, kw_only=True)
class BoundsConfig:
    """Adaptation of clip bounds: to entropy as low * g and high * g with g of token-weighted mean one, or by a paper's rule."""

    adapt: str = "none"
    alpha: float = 0.0
    """Strength in (-1, 1): positive widens bounds where entropy is high, negative reverses that, 0 is a fixed clip. Adaptation
    'sqrt': the exponent of the entropy, 0.5 for its square root; 'position': the exponent of the position."""
    entropy_level: str = "segment"
    """The level of the mean entropy that bounds follow: the token's own, its segment's or its response's."""
    side: str = "both"
    target_clip_frac: float | None = None
    """Clip fraction (tokens with A != 0, from a rollout's second update on) that a controller maintains for the arm by
    scaling clip.low and clip.high together; null leaves them fixed."""
    target_control: str = "proportional"
    """The controller's law: `integral` pays back what earlier rollouts clipped in excess, so that the mean over a run
    is the target; `proportional` corrects the last rollout's error only, and is the default for studies from before
    `integral`."""
    target_gain: float = 0.8
    """Under `proportional` the controller's step per rollout in the log scale, as a multiple of the relative error of
    the clip fraction; under `integral` the share of the accrued error that the next rollout pays back."""
    target_range: tuple[float, float] = (1e-5, 0.9)
    """The range of clip.low and clip.high of a controlled arm; low also stays below the value that alpha could widen to
    1.
    """


@dataclass(frozen=True, kw_only=True)
class TauConfig:
    """Temperatures of term 'sapo' by the sign of A: the larger, the faster the gradient decays away from ratio 1."""

    positive: float = 1.0
    negative: float = 1.05


@dataclass(frozen=True, kw_only=True)
class KernelConfig:
    """The weight of term 'vespo', W^power exp(decay (1 - W)) of the pooled ratio W, by the sign of A: the larger the power, the
    less a ratio below 1 weighs; the larger the decay, the less one above 1."""

    power_positive: float = 2.0
    decay_positive: float = 3.0
    power_negative: float = 3.0
    decay_negative: float = 2.0


@dataclass(frozen=True, kw_only=True)
class KeptConfig:
    """The gradient that term 'ce_gppo' keeps beyond a bound, as a multiple of the gradient at that bound."""

    low: float = 0.75
    high: float = 1.0


@dataclass(frozen=True, kw_only=True)
class KlConfig:
    """A penalty on the divergence from the base model, inside the loss."""

    coef: float = 0.0
    """Its weight; 0 loads no reference."""
    estimator: str = "k3"


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """One point of advantage x ratio level x clip bounds x clip term x aggregation, with three additional options."""

    name: str = "sspo"
    paper: str = ""
    """arXiv id that the row follows."""
    advantage: str = "group_norm"
    ratio: str = "segment"
    pooling: str = "mean"
    """How the log-ratios of a level become one: their mean, as in GSPO, or their sum, the ratio of the level's probabilities."""
    term: str = "ppo"
    """A name of TERMS, or a term of your own (docs/extending.md)."""
    clip: ClipConfig = field(default_factory=ClipConfig)
    bounds: BoundsConfig = field(default_factory=BoundsConfig)
    aggregation: str = "response_mean"
    tau: TauConfig = field(default_factory=TauConfig)
    kernel: KernelConfig = field(default_factory=KernelConfig)
    kept: KeptConfig = field(default_factory=KeptConfig)
    kl: KlConfig = field(default_factory=KlConfig)
    tis_cap: float | None = None
    """Truncated importance sampling: each token's term is weighted by the trainer's probability over the sampler's, capped at
    this value; null assumes that the two agree."""
    mis_cap: float | None = None
    """Masked importance sampling: a response whose geometric mean of the trainer's probabilities over the sampler's is above
    this, or below its inverse, has weight 0; null masks none."""

    @property
    def sampler_caps(self) -> dict[str, float]:
        """Return the caps that are set, by option: they need the sampler's own log-probabilities."""
        caps = {"tis_cap": self.tis_cap, "mis_cap": self.mis_cap}
        return {name: cap for name, cap in caps.items() if cap is not None}

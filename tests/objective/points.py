"""Random points of the objective's product that have a meaning."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from sspo.config import BoundsConfig, ClipConfig, KeptConfig, KernelConfig, KlConfig, ObjectiveConfig
from sspo.config.choices import (
    ADAPTATIONS,
    AGGREGATIONS,
    ENTROPY_LEVELS,
    KL_ESTIMATORS,
    POOLINGS,
    RATIOS,
    SIDES,
    TERMS,
)
from sspo.config.objective_checks import check_objective
from sspo.errors import UserError


def has_meaning(objective):
    """Whether validation lets it pass."""
    try:
        check_objective(objective)
    except UserError:
        return False
    return True


@st.composite
def bounds(draw):
    """Bounds of any adaptation, with the options that act on it."""
    adapt = draw(st.sampled_from(list(ADAPTATIONS)))
    facts = ADAPTATIONS[adapt]
    found = BoundsConfig(adapt=adapt)
    if facts.alpha:
        alphas = [0.5, 1.0] if facts.positive else [-0.5, 0.0, 0.5]
        found = replace(found, alpha=draw(st.sampled_from(alphas)))
    if facts.entropy:
        found = replace(found, entropy_level=draw(st.sampled_from(ENTROPY_LEVELS)))
    if facts.mean_one:
        found = replace(found, side=draw(st.sampled_from(SIDES)))
    return found


@st.composite
def points(draw, terms=tuple(TERMS)):
    """Objectives of any combination, with the options that act on their term."""
    term = draw(st.sampled_from(terms))
    facts = TERMS[term]
    clipped = draw(bounds()) if facts.bounds else BoundsConfig()
    ratio = "token" if ADAPTATIONS[clipped.adapt].own_ratio else draw(st.sampled_from(RATIOS))
    objective = ObjectiveConfig(
        term=term,
        ratio=ratio,
        pooling="mean" if ratio == "token" else draw(st.sampled_from(POOLINGS)),
        aggregation=draw(st.sampled_from(AGGREGATIONS)),
        kl=KlConfig(coef=draw(st.sampled_from([0.0, 0.3])), estimator=draw(st.sampled_from(KL_ESTIMATORS))),
        tis_cap=draw(st.sampled_from([None, 1.2])),
        mis_cap=draw(st.sampled_from([None, 1.3])),
    )
    if facts.bounds:
        dual = draw(st.sampled_from([None, 0.05, 0.5])) if facts.dual else None
        low, high = draw(st.sampled_from([0.003, 0.05, 0.2])), draw(st.sampled_from([0.004, 0.28]))
        objective = replace(objective, bounds=clipped, clip=ClipConfig(low=low, high=high, dual=dual))
    if facts.kernel:
        kernel = KernelConfig(power_positive=1.5, decay_positive=0.5, power_negative=0.7, decay_negative=2.5)
        objective = replace(objective, kernel=draw(st.sampled_from([KernelConfig(), kernel])))
    if facts.kept:
        kept = draw(st.sampled_from([KeptConfig(), KeptConfig(low=1.0, high=0.5)]))
        objective = replace(objective, kept=kept)
    return objective


POINTS = points().filter(has_meaning)

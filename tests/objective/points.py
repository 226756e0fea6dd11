"""Random points of the objective's product that have a meaning."""

from __future__ import annotations

from hypothesis import strategies as st

from sspo.config import BoundsConfig, ClipConfig, KlConfig, ObjectiveConfig
from sspo.config.choices import ADAPTATIONS, AGGREGATIONS, ENTROPY_LEVELS, KL_ESTIMATORS, RATIOS, SIDES, TERMS
from sspo.config.objective_checks import check_objective
from sspo.errors import UserError


def has_meaning(objective):
    """Whether validation lets it pass."""
    try:
        check_objective(objective)
    except UserError:
        return False
    return True


POINTS = st.builds(
    ObjectiveConfig,
    ratio=st.sampled_from(RATIOS),
    term=st.sampled_from(list(TERMS)),
    aggregation=st.sampled_from(AGGREGATIONS),
    clip=st.builds(ClipConfig, low=st.sampled_from([0.003, 0.05, 0.2]), high=st.sampled_from([0.004, 0.28])),
    bounds=st.builds(
        BoundsConfig,
        adapt=st.sampled_from(ADAPTATIONS),
        alpha=st.sampled_from([-0.5, 0.0, 0.5]),
        entropy_level=st.sampled_from(ENTROPY_LEVELS),
        side=st.sampled_from(SIDES),
    ),
    kl=st.builds(KlConfig, coef=st.sampled_from([0.0, 0.3]), estimator=st.sampled_from(KL_ESTIMATORS)),
    tis_cap=st.sampled_from([None, 1.2]),
    mis_cap=st.sampled_from([None, 1.3]),
).filter(has_meaning)

"""GRPO with the token mean and a dual clip. No torch here: planning imports this module."""

from sspo.config import ClipConfig, ObjectiveConfig

DUAL_CLIP_GRPO = ObjectiveConfig(
    paper="1912.09729",
    advantage="group_norm",
    ratio="token",
    term="dual_clip",
    clip=ClipConfig(low=0.2, high=0.28),
    aggregation="token_mean",
)

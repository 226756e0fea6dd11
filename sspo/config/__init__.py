"""Configuration: every option, and the checks before any work. No torch here.

schema            every option: type, default, bounds
objective_schema  options of an objective
choices           the choices on every axis of an objective
build             a mapping becomes a dataclass
fitted            defaults that depend on the model
validation        valid values of options
reward_sum        rewards that are added up
compatibility     compatibility of options with each engine and backend
objective_checks  combinations of choices without meaning
prompt_checks     prompt templates: names, files, their part of a cell
backends          what each backend of others cannot follow, and verl's own names
plugins           rows of a user's own: by entry point, or by file and name
folder_table      tables that are folders: one row per file
grid              grids of clip bounds
patterns          user-supplied regular expressions, bounded
pattern_child     the process that matches them
yaml_file         user-supplied YAML
json_file         user-supplied JSON
options           every option with its type, default, choices and meaning
places            where the project's own files are, and where a user's are
study_file        where a study's spec is kept
"""

from sspo.config.objective_schema import (
    BoundsConfig,
    ClipConfig,
    KeptConfig,
    KernelConfig,
    KlConfig,
    ObjectiveConfig,
    TauConfig,
)
from sspo.config.schema import (
    ATTENTIONS,
    BACKENDS,
    DECODES,
    DEVICES,
    EMBEDDED,
    EMBEDDED_BASES,
    ENGINES,
    ENTROPY_OVER,
    FORWARDS,
    LOGITS,
    MAX_LR,
    MIN_TEMPERATURE,
    OLD_LOGPS,
    OPTIMIZERS,
    OWN_BACKEND,
    OWN_ENGINE,
    PRECISIONS,
    REWARD_NAMES,
    RULES,
    STREAMS,
    TASK_NAMES,
    TEMPLATE_NAMES,
    TRACKING_MODES,
    EvaluationConfig,
    LoraConfig,
    ModelConfig,
    PromptConfig,
    RewardConfig,
    RolloutConfig,
    RunConfig,
    SegmentationConfig,
    TaskConfig,
    TrackingConfig,
    TrainConfig,
    TrainerConfig,
)

__all__ = [
    "ATTENTIONS",
    "BACKENDS",
    "DECODES",
    "DEVICES",
    "EMBEDDED",
    "EMBEDDED_BASES",
    "ENGINES",
    "ENTROPY_OVER",
    "FORWARDS",
    "LOGITS",
    "MAX_LR",
    "MIN_TEMPERATURE",
    "OLD_LOGPS",
    "OPTIMIZERS",
    "OWN_BACKEND",
    "OWN_ENGINE",
    "PRECISIONS",
    "REWARD_NAMES",
    "RULES",
    "STREAMS",
    "TASK_NAMES",
    "TEMPLATE_NAMES",
    "TRACKING_MODES",
    "BoundsConfig",
    "ClipConfig",
    "EvaluationConfig",
    "KeptConfig",
    "KernelConfig",
    "KlConfig",
    "LoraConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "PromptConfig",
    "RewardConfig",
    "RolloutConfig",
    "RunConfig",
    "SegmentationConfig",
    "TaskConfig",
    "TauConfig",
    "TrackingConfig",
    "TrainConfig",
    "TrainerConfig",
]

"""The objective, segmentation, metrics and run folder of this project inside TRL 1.16's GRPOTrainer.

    from sspo.integrations.trl import SSPOConfig, SSPOTrainer

config      SSPOConfig: TRL's options and ours
refusals    what one of the two cannot express, a sentence each
trainer     SSPOTrainer: TRL's loop with our loss
engine      TRL's vLLM in the trainer's process: its seed, and on a CPU its weights
rollout     one generation over all processes: segments, old entropy, advantages, bounds
steps       the counts that each optimizer step is divided by, and its metrics
run_folder  the run folder, written by a callback
trial       trainer.backend=trl: a configuration of ours, trained by TRL
"""

from sspo.integrations.trl.config import SSPOConfig
from sspo.integrations.trl.trainer import SSPOTrainer

__all__ = ["SSPOConfig", "SSPOTrainer"]

"""Options that a TRL trial cannot follow or would ignore."""

from __future__ import annotations

from collections.abc import Iterator

from sspo.config import OWN_ENGINE, TrainConfig

TRL, TRL_VERSION = "trl", "1.16"
HEAD = "lm_head"
"""The layer of the logits, as transformers names it."""
Refusal = tuple[str, object, str, str]
"""Key, value, reason, and the value to set instead."""


def beyond_trl(config: TrainConfig) -> Iterator[Refusal]:
    """Yield options that a TRL trial cannot follow or would ignore."""
    rollout, trainer, objective = config.rollout, config.trainer, config.objective
    if config.run.gpus > 1:
        yield "run.gpus", config.run.gpus, "TRL trains a trial on one device", "1"
    if rollout.responses < 2:
        yield "rollout.responses", rollout.responses, "TRL's groups have at least two responses", "2"
    if rollout.resample:
        yield "rollout.resample", rollout.resample, "TRL samples each prompt once", "0"
    by_generate = rollout.engine == OWN_ENGINE
    if rollout.stop and by_generate:
        stop, why = (
            f"[{','.join(rollout.stop)}]",
            "model.generate ends responses only at end tokens; rollout=vllm does not",
        )
        yield "rollout.stop", stop, why, "[]"
    if trainer.old_logp != "trainer":
        yield "trainer.old_logp", trainer.old_logp, "TRL has forward passes of its own", "trainer"
    for name, cap in objective.sampler_caps.items() if by_generate else ():
        why = "model.generate reports no log-probabilities; rollout=vllm does"
        yield f"objective.{name}", cap, why, "null"
    if trainer.forward != "plain":
        yield "trainer.forward", trainer.forward, "TRL has forward passes of its own", "plain"
    if trainer.logits != "full":
        yield "trainer.logits", trainer.logits, "TRL has forward passes of its own", "full"
    targets = config.model.lora.targets
    if HEAD in targets:
        others = ",".join(name for name in targets if name != HEAD)
        reason = "TRL multiplies by its weights alone, so its adapter would not be trained"
        yield "model.lora.targets", f"[{','.join(targets)}]", reason, f"[{others}]"

"""The training loop and its parts.

loop              the order of a run's steps
course            the same for every backend: evaluation, checkpoints, the end
collect           one rollout prepared for the loss
mismatch          the difference between sampler and trainer
dynamic_sampling  prompts, samples, scores; groups replaced; the penalty on long responses
optim             AdamW, warm-up, and finite steps
ready             the policy, checked before any log
probe             a check that a model samples as it trains
checkpoint        the content of a checkpoint
saved_model       the model in it, as transformers loads it
checkpoint_files  the checkpoint folders of a run
rollout_metrics   metrics of sampled responses
sample_log        responses for people to read
clip_watch        warnings if clipping cannot act
learn_watch       warnings if the first rollout teaches nothing
cut_watch         warnings if a rule does not cut
failures          errors to named failures
environment       versions, revision, hardware
clock             seconds by phase
"""

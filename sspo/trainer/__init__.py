"""The training loop and what it needs.

loop              the order
collect           one rollout made ready for the loss
mismatch          how far sampler and trainer are apart
dynamic_sampling  prompts, samples, scores; groups replaced
overlong          the penalty on long responses
optim             AdamW, warm-up, and finite steps
ready             the policy, checked before any log
probe             whether a model samples as it trains
checkpoint        what a checkpoint holds
saved_model       the model in it, as transformers loads it
checkpoint_files  which checkpoints there are
rollout_metrics   what was sampled
sample_log        responses for people to read
clip_watch        whether clipping can act
learn_watch       whether the first rollout teaches anything
cut_watch         whether a rule cuts
environment       versions, revision, hardware
clock             seconds by phase
"""

"""The loss: pure functions on tensors, in the paper's order.

loss              the order: log-ratio, level, bounds, clip, options, aggregate
ratio             log-ratios of tokens, segments, responses
bounds            clip bounds of every token
entropy_bounds    bounds that follow entropy
published_bounds  bounds of two papers
clip              clip terms
kl                KL estimators
sampler_weight    trainer's over sampler's probability
aggregate         tokens to a scalar
advantage         rewards to advantages
context           what an objective must know of a whole rollout
micro_batch       one optimizer step's share of the loss
inputs            what policy_loss takes, checked
diagnostics       what the loss saw, as metrics
critical          the scale at which a token stops being clipped
clip_controller   holds an arm's clip fraction
variants          every named objective, a row each
notes             their prose
page              docs/objectives.md
"""

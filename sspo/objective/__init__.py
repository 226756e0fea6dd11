"""The loss: pure functions on tensors, in the paper's order.

loss              the order: log-ratio, level, bounds, clip, options, aggregate
ratio             log-ratios of tokens, segments, responses
bounds            clip bounds of every token
entropy_bounds    bounds that follow entropy
published_bounds  bounds of two papers
clip              clip terms
kl                KL estimators
sampler_weight    trainer's probability over the sampler's
aggregate         tokens to a scalar
advantage         rewards to advantages
context           quantities of a whole rollout that an objective needs
micro_batch       one optimizer step's share of the loss
inputs            checks of the arguments of policy_loss
diagnostics       metrics of the loss
critical          the scale at which a token stops being clipped
clip_controller   keeps an arm's clip fraction at its target
variants          every named objective, one row each
notes             descriptions of the variants
page              docs/objectives.md
"""

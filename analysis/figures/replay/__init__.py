"""Recorded runs under other clip bounds: one module per figure, and shared parts.

family                 styles of rules, clip fractions by run, sentences, origins
printed                their panel for the paper
chart                  lines, axis and numbers of their charts
replay_clip_fraction   clip fraction over the grid of bounds
replay_trade_off       extreme tokens that pass against tokens clipped for nothing
replay_clip_by_update  clip fraction by optimizer step within a rollout
replay_law             squared log-ratio against entropy
"""

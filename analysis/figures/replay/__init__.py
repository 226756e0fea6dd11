"""Recorded runs under other clip bounds: a module per figure, and what they share.

family                 looks of rules, clip fractions by run, words, where they come from
printed                their panel for the paper
chart                  lines, axis and numbers of their charts
replay_clip_fraction   clip fraction over the grid of bounds
replay_trade_off       extreme tokens that pass against tokens clipped for nothing
replay_clip_by_update  clip fraction by optimizer step of a rollout
"""

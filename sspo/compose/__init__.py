"""A command line becomes a configuration.

hydra_compose  Hydra's composition, validated
fast           the same in a millisecond, for planning
multirun       every combination of values
"""

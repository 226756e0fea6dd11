"""A command line becomes a configuration.

hydra_compose  Hydra's composition, validated
own_choices    a user's own rows as choices
fast           the same in a millisecond, for planning
multirun       every combination of values
"""

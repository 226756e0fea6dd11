"""What a trial takes that nobody has run yet, from its model's shape and its configuration: memory and time (docs/cost.md). Without torch.

tables   the tables of conf/planning, read and checked
machine  the device that is here, or that a plan is asked about
shapes   the shape of a model, at hand or from the table
work     operations and bytes of a trial
hours    seconds of a trial on a device
holds    memory of a trial, and whether a device holds it
trials   what the trials of a plan take, alike ones together
"""

"""What tuning brings and which options matter, by arm: one module per figure, and shared parts.

family              arms, their styles, groups that share a panel, the ends of the axis
printed             their panels for the paper
tuning_best         expected best score against budget
tuning_sensitivity  the score along each option
option_panels       the panels of one option, for the paper and for the page
"""

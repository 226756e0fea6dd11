"""Tuning: every tuned arm of a study is a search of its own, on pilot seeds, under one budget.

searches  from an arm to its search
default   an arm's own values as a point of its space
"""

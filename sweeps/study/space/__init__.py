"""Spaces in specs: what a search looks through, and what a study tunes its arms over.

domain   parameters and their domains
method   samplers and pruners
options  types of training options
read     reads a space
checks   refusals
"""

"""Hypotheses, and verdicts on them.

spec      what conf/claims may hold
files     where claims are kept
arms      which arms a claim is about
measures  what a claim may measure
verdict   supported, refuted, inconclusive, not testable
section   verdicts in words
table     verdicts as data
record    claims in provenance.json
"""

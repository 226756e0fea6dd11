"""Hypotheses, and verdicts on them.

spec      what conf/claims may hold
asked     what a study asks its report to show besides its own runs
files     where claims are kept, and which a study names
arms      which arms a claim is about
measures  what a claim may measure
verdict   supported, refuted, inconclusive, not testable
section   verdicts in words
table     verdicts as data
record    claims in provenance.json
"""

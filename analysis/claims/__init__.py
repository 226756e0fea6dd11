"""Hypotheses, and verdicts on them.

spec      the format of files of conf/claims
asked     claims and published numbers that a study's report shows besides its own runs
files     the folder of claims, and the files that a study names
arms      the arms that a claim is about
measures  the measures that a claim may use
verdict   supported, refuted, inconclusive, not testable
section   verdicts in words
table     verdicts as data
record    claims in provenance.json
"""

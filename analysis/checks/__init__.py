"""Requirements that a comparison must meet to be informative.

gates     headroom, no clip, A/A, equal starts: requirements of a study
flags     warnings about comparisons that are uninformative or confounded
scored    arms that were scored in different ways, or on different questions
tuning    gates and warnings of a tuned study
matching  arms that are matched on their clip fraction
"""

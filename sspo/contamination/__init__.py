"""`python -m sspo.contamination`: check whether a model, or its training set, has seen its evaluation questions.

options     the options of a check
words       texts split into words, and comparison of two texts
overlap     word n-grams that questions share with training questions
completion  a model's continuation of the beginning of a question
questions   the questions of a task that are checked
lines       contamination.jsonl, one line per question and share, which only grows
rates       contamination.json, and its printed summary
"""

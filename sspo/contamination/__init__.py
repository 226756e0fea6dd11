"""`python -m sspo.contamination`: was a model, or its training set, shown the questions that it is evaluated on?

options     what may be asked of it
words       texts cut into words, and two texts compared
overlap     word n-grams that questions share with training questions
completion  a model goes on with the beginning of a question
questions   the questions of a task that are checked
lines       contamination.jsonl, a line a question and share, which only grows
rates       contamination.json, and what is printed of it
"""

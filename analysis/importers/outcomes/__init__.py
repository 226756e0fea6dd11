"""Results by question and sample, from our own evaluations and from other tools.

outcomes   the common result of all readers
read       the readers, and the choice of one for a path
lm_eval    lm-evaluation-harness: samples_*.jsonl
lighteval  details_*.parquet
evalscope  reviews and predictions
verl       validation dumps
sspo       our own evaluations and training runs
asked      sampling and grading of our own evaluations
answers    answers one by one to rows, and their checks
metric     the number that scores an answer
lines      JSON lines one by one
"""

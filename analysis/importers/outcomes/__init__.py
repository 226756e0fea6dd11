"""Results by question and sample, of our own evaluations and of other tools'.

outcomes   what every reader gives
read       the readers, and which one a path needs
lm_eval    lm-evaluation-harness: samples_*.jsonl
lighteval  details_*.parquet
evalscope  reviews and predictions
verl       validation dumps
sspo       our own evaluations and training runs
asked      how ours were drawn and graded
answers    answers one by one to rows, and what is checked of them
metric     which number scores an answer
lines      JSON lines one by one
"""

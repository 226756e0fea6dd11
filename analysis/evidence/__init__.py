"""From tables of logs to the numbers that are compared: one per run.

evidence       Evidence: answers that count, scores per run, summaries per arm
by_question    an arm's questions, and two arms paired by them
decodings      questions of each decoding, set by set, and the error of one run's score
measures       one number per run from its training metrics
held_out       accuracy while training
learning       areas under its curves, and when they reach a score
curve_rows     quantities of curves, by rollout
factors        the grid of a factorial study
replay         curves and pooled shares of a replay
published      numbers that others reported
result_traces  traces of the cells of results
collapse       collapsed runs
runs           planned runs with a note
tuning_words   values, budgets and progress of a tuning in words
tuning         trials of a tuned study, the fit over them, and the chosen points
"""

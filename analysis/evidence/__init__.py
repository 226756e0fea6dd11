"""From tables of logs to the numbers that are compared: one per run.

evidence       Evidence: which answers count, scores per run, summaries per arm
by_question    an arm's questions, and two arms paired by them
decodings      what each decoding asked, set by set, and how exactly it scores one run
measures       one number per run from its training metrics
held_out       accuracy while training
learning       areas under its curves, and when they reach a score
curve_rows     what curves show, by rollout
factors        the grid of a factorial study
replay         curves and pooled shares of a replay
published      numbers that others reported
result_traces  where the cells of results come from
collapse       which runs collapsed
runs           planned runs of which there is something to note
"""

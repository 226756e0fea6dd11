"""Verdicts of math-verify on answers from anybody's hand, in processes that are bounded and that nothing waits for.

graders  the processes: answers in, statuses out
answer   the part of a text that is its answer
golds    right answers that cannot be read
server   `python -m sspo.grading.server`: forks the process that grades, and says how it died
limits   processor seconds and memory of one answer
verdict  what math-verify says
"""

"""Grading of responses against right answers, by two graders that share no parser.

graders  math-verify in separate processes: answers in, statuses out
answer   the part of a text that is its answer
golds    right answers that cannot be read
server   `python -m sspo.grading.server`: forks the process that grades, and reports how it died
limits   processor seconds and memory of one answer
verdict  math-verify's verdict
second   the second grader, with no code shared
vote     the answer of a response, for a majority vote
"""

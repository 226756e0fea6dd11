"""Is a response's answer the right one? Two graders that share no parser.

graders  math-verify in processes of its own: answers in, statuses out
answer   the part of a text that is its answer
golds    right answers that cannot be read
server   `python -m sspo.grading.server`: forks the process that grades, and says how it died
limits   processor seconds and memory of one answer
verdict  what math-verify says
second   the second grader, which is all our own
vote     what a response answers, for a majority
"""

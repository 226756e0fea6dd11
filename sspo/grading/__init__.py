"""Is a response's answer the right one? Two graders that share no parser.

second  the grader that is all our own: finds, reads and compares
"""

"""The first screen of a report: a one-minute answer.

differences   the arms below and above their references, and what could have been detected
sentence      the same in at most 45 words
facts         what was run and which gates hold, on one line
first_screen  the answer, the caveats that come before it, and what holds for every number
"""

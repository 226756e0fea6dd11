"""What a report answers in one minute.

differences   which arms lie below and above what they are tested against, and what could have been found
sentence      that in at most 45 words
facts         what was run and which gates hold, in a line
first_screen  the answer, what a reader must know before it counts, and what holds for every number
"""

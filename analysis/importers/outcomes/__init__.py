"""Results by question and sample, read from whoever made them.

outcomes    what every reader gives
own_folder  our own evaluations and training runs, finished or not
"""

"""Results by question and sample, read from whoever made them.

outcomes  what every reader gives
sspo      our own evaluation and run folders
"""

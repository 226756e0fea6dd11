"""What a few pilot runs say about an arm's options: a smooth fit over tried points, the point to choose, and what tuning brings.

space          options, their coordinates in [0, 1], and points of a space
kernel         what is believed about a score before any run
surface        the fitted score at any point, with its error
choice         the point that the fit says is best
best_curve     expected best score against budget
sensitivity    the score along one option, the width of its plateau, the mean over the plateau
"""

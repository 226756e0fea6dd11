"""Tables of a tuned study.

captions  sentences that every reader of a tuning needs
spent     the budget that each arm spent, and the point that it got
ranking   arms in order at their defaults, at their tuned points and over the plateaus
trials    every trial of every arm with its scores
defaults  the arms at their defaults on the fresh seeds, a family of their own
"""

"""Curves over a run: one module per figure, and shared parts.

family                    makes a figure of curves
panels                    the arms that share a panel; means and bands
chosen                    the arms and rollouts that print shows if it cannot show all
printed                   curves for the paper
chart                     curves for the page
held_out_accuracy         held-out accuracy while training
training_reward_accuracy  reward and accuracy of training responses
clip_fraction             clipped share of tokens
entropy                   token entropy
ratio_spread              spread of importance ratios
ratio_quantiles           their percentiles
length                    length of responses
"""

"""Curves over a run: a module per figure, and what they share.

family                    what makes a figure of curves
panels                    which arms share a panel; means and bands
chosen                    what print shows where there is more than it can
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

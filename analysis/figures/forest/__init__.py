"""Every arm's difference to its reference, with words that need no legend.

rows                    every arm's difference, in words too
printed                 for the paper
page                    for the page
difference_to_baseline  the figure
"""

"""Every arm's difference to what it is tested against, with words that need no legend.

rows                    what is known of every arm, in words too
printed                 for the paper
page                    for the page
difference_to_baseline  the figure
"""

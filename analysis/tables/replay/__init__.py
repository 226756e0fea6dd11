"""Tables of recorded runs under other clip bounds.

captions        sentences that every reader of a replay needs
equal_clipping  what each rule keeps and loses if all clip equally often
law             how squared log-ratios grow with entropy
"""

"""What must hold before a comparison says anything.

gates     the gates of a study, with verdicts
flags     warnings about comparisons that are uninformative or confounded
matching  arms that were matched on clipping
"""

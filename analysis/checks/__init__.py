"""What must hold before a comparison says anything.

gates     headroom, no clip, A/A, equal starts: what a study must meet
flags     warnings about comparisons that are uninformative or confounded
matching  arms that were matched on clipping
"""

"""What must hold before a comparison says anything.

gates     headroom, no clip, A/A, equal starts: what a study must meet
flags     warnings about comparisons that are uninformative or confounded
scored    arms that were scored in different ways, or on different questions
matching  arms that were matched on clipping
"""

"""Where a store keeps its checks for contamination: `<store>/contamination/<hash>/`.

contamination.jsonl  a line a question and share of it that was shown, with the text that the model wrote
contamination.json   rates and counts, last: a check without it is not finished
"""

from __future__ import annotations

FOLDER = "contamination"
LINES, RATES = "contamination.jsonl", "contamination.json"
FORMAT = 1
"""Of contamination.json; another one is not read."""

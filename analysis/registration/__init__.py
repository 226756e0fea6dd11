"""Registrations: a study's commitments before its first run, and the tests that its report may therefore show. No pandas, no torch.

spending  the cost of looks at unfinished data (O'Brien-Fleming)
record    registrations/<study>.json
changes   differences between two plans, in words
looks     registrations/<study>.looks.jsonl: looks taken before the end
marks     the sentences of a report's header
standing  registered or exploratory, and the level at which a report may test
kept      copies of the registration and looks beside a report's logs
"""

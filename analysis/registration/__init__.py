"""What a study bound itself to before its first run, and what its report may therefore say. No pandas, no torch.

spending  what looks at unfinished data cost (O'Brien-Fleming)
record    registrations/<study>.json
changes   what differs between two plans, in words
looks     registrations/<study>.looks.jsonl: who looked before the end
marks     the sentences of a report's head
standing  registered or exploratory, and at which level a report may test
kept      copies of all that beside a report's logs
"""

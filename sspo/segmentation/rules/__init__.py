"""One rule per file, named as segmentation.rule names it. The folder is the table: a new rule is one new file.

Each exports
    cuts        (responses, config) -> cut_BT, True on the last token of a segment; or instead
    groups      (responses, config) -> segment ids, (B, T): groups of tokens that need not be neighbors
    OPTIONS     names of the SegmentationConfig options that only this rule reads
    READS_TEXT  True if it needs the text of every piece of the vocabulary
Everything that rules share happens once, in segmentation/__init__.py, where `random` shuffles the segments of another rule. A
rule that its name alone selects needs no file in conf/segmentation.

token         every token
response      none
subsentence   clauses
sentence      sentences
line          lines
step          blank lines
fixed         every n tokens
turn          turns of a conversation
entropy_peak  before tokens at which the policy was uncertain
entropy_group  groups of high and of low entropy
regex         matches of a user-supplied pattern
"""

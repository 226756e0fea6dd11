"""One rule per file, named as segmentation.rule names it. The folder is the table: a new rule is one new file.

Each exports
    cuts        (responses, config) -> cut_BT, True on the last token of a segment
    OPTIONS     names of the options of SegmentationConfig that this rule alone looks at
    READS_TEXT  whether it needs to know what every piece of the vocabulary says
What all rules share happens once, in segmentation/__init__.py, where `random` shuffles what another rule gives. A rule
whose name alone selects it needs no file in conf/segmentation.

token         every token
response      none
subsentence   clauses
sentence      sentences
line          lines
step          blank lines
fixed         every n tokens
entropy_peak  before tokens at which the policy had a choice
regex         a pattern of the user's own
"""

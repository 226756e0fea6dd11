"""What a person at a terminal types and reads.

commands      the commands of `sspo`, one row each
spoken        commands in texts, as the user types them
completion    `sspo completion`: scripts of shells
candidates    the words that may stand next
objectives    `sspo objectives`
option_help   options with their meanings, for `--help`
version       the version, as `--version` prints it
command_line  words of command lines, refused in one sentence
one_sentence  how a command ends
interrupts    imported first: an interrupt during imports ends quietly
closed_pipe   output that nobody reads any more
visible       unseen characters made visible
percent       shares with one digit
progress      progress with the time that is left
"""

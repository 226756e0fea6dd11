"""Command lines and messages: all that a person at a terminal types and reads.

commands      the commands of `sspo`, one row each
spoken        commands in texts, as the user types them
commands_page  docs/commands.md
completion    `sspo completion`: scripts of shells
candidates    the words that may stand next
objectives    `sspo objectives`
option_help   options with their meanings, for `--help`
version       the version, as `--version` prints it
command_line  parsers that refuse in one sentence
one_sentence  the end of a command
interrupts    a hook for interrupts during imports
closed_pipe   output that nobody reads any more
visible       control characters made visible
progress      progress with the time left
"""

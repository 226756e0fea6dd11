"""A user's own rows beside the built-in ones: an objective, a clip term, a rule, a task, a reward, an importer.

A name is looked up in three places, in this order: the project's table, the entry points of installed packages, and
`path/to/file.py:name`. Naming, checking and hashing a row runs none of its code; docs/extending.md is the user's page.

kinds      the kinds of rows, and their entry-point groups
own_file   `path/to/file.py:name`: checked by its syntax tree, hashed, imported
installed  entry points of installed packages: listed, hashed, imported
table      one lookup for all three places
held       one content of each file for the length of a run
options    options of a user's own task or reward
in_use     the rows that a configuration names
"""

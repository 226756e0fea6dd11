"""The words around a question, which turn it into a prompt.

templates  one template per file, by its name
own_file   a Jinja2 file of the user's own
"""

"""Numbers, names and tables as text that is safe to print.

rounding          decimal rounding, halves away from zero
unit              percent points, or the unit of an imported metric
pieces            a list in a sentence, and a fold in Markdown
escape            text from data made inert in HTML, LaTeX, Markdown, CSV and Matplotlib
latex_characters  a character as LaTeX prints it
latex_widths      the width of LaTeX text
latex_numbers     digits aligned below digits
latex_layout      the columns and lines that a table takes in a paper
latex_table       a table as a LaTeX float
table             Cell, Row and Table, as Markdown and as data
table_files       the files of a table
plain             a table for a terminal
glossary          words that need explaining, and their occurrences in a text
numbers           means with intervals, percent points and p-values as tables print them
"""

"""How numbers, names and tables become text that is safe to print.

rounding          decimal rounding, halves away from zero
unit              percent points, or the unit of an imported metric
escape            text from data made inert in HTML, LaTeX, Markdown, CSV and Matplotlib
latex_characters  what LaTeX prints for a character
latex_widths      how wide LaTeX text is
latex_numbers     digits below digits
latex_layout      how many columns and lines a table takes in a paper
latex_table       a table as a LaTeX float
table             Cell, Row and Table, as Markdown and as data
table_files       the files of a table
plain             a table for a terminal
glossary          words that need explaining, and where a text has them
numbers           means with intervals, percent points and p-values as tables print them
"""

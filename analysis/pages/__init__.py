"""The report as pages: index.html and index.md.

html          index.html
html_tables   its tables
samples_html  its sampled responses
samples_text  what is said of sampled responses
stylesheet    its style
markdown      index.md
"""

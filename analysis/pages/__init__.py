"""The report as pages: index.html and index.md.

html          index.html
html_tables   its tables
samples_html  its sampled responses
samples_text  texts about sampled responses
verdicts      the verdicts on claims, for both pages
runs          runs by arm, and those that are not done
document      the frame of a page that loads nothing, with page.js and the style sheets page.css and
samples.css
templates     renders the HTML in templates/; every value is escaped
markdown      index.md
"""

"""The second grader: independent code, so that its errors differ from those of math-verify.

grader   compares a response's answer with the right ones
answers  finds the answer in a text
tokens   LaTeX or plain text becomes tokens
units    words after a number: units, factors
node     the expression tree
cursor   a position among tokens
scripts  the factors of an expression: numbers, letters, commands, brackets
tree     tokens become a tree
numbers  exact fractions, else complex numbers with a bound on their error
values   the value of a tree at a point
same     compares two trees
"""

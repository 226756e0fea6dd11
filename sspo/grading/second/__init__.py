"""The second grader: all our own code, so that it errs where math-verify does not.

grader   is a response's answer one of the right ones
answers  where in a text the answer is
tokens   LaTeX or plain text becomes tokens
units    words behind a number: units, factors
node     the expression tree
cursor   a place among tokens
scripts  the factors of an expression: numbers, letters, commands, brackets
tree     tokens become a tree
numbers  exact fractions, else complex numbers with a bound on their error
values   the value of a tree at a point
same     are two trees the same answer
"""

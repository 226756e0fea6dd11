"""Is a response's answer the right one? Two graders that share no parser.

second          the grader that is all our own: finds, reads and compares
second_answers  where in a text the answer is
second_tokens   LaTeX or plain text becomes tokens
second_units    words behind a number: units, factors
second_node     the expression tree
second_cursor   a place among tokens
second_scripts  the factors of an expression: numbers, letters, commands, brackets
second_tree     tokens become a tree
second_numbers  exact fractions, else complex numbers with a bound on their error
second_values   the value of a tree at a point
second_same     are two trees the same answer
"""

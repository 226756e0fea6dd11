"""Factors: numbers, letters with scripts, commands with arguments, brackets."""

from __future__ import annotations

from fractions import Fraction

from sspo.grading.second.cursor import Cursor
from sspo.grading.second.node import INFINITY, Node, UnreadableError, named, number
from sspo.grading.second.tokens import FUNCTIONS, Token

MOST_BEHIND = 6
"""Maximum powers, factorials and signs after one factor."""
LONGEST_NUMBER = 1_000
"""Maximum number of digits."""
ACCENTS = {
    "\\" + name
    for name in [
        "dot",
        "ddot",
        "hat",
        "bar",
        "vec",
        "overline",
        "tilde",
        "overrightarrow",
        "widehat",
        "overarc",
        "mathring",
    ]
}
LETTERS = {
    "\\" + name
    for name in [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "varepsilon",
        "zeta",
        "eta",
        "theta",
        "vartheta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "varphi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Upsilon",
        "Phi",
        "Psi",
        "Omega",
        "hbar",
        "ell",
        "infty",
        "emptyset",
        "odot",
        "mho",
        "star",
        "circledast",
        "max",
        "min",
        "prime",
        "Re",
        "Im",
        "aleph",
        "nabla",
        "partial",
    ]
}
BRACES = {"\\lfloor": ("\\rfloor", "floor"), "\\lceil": ("\\rceil", "ceil")}
ARGUMENTS = {"\\frac", "\\binom", "\\sqrt", "\\begin", "\\{", "\\lfloor", "\\lceil"}
CALLED = {"f", "g", "h", "F", "G", "H", "u", "N", "P", "\\delta", "\\phi", "\\psi", "\\sigma"}
"""Letters whose brackets hold an argument, not a factor."""
CELLS = {"&", "\\cr", "\\end"}


class Scripts(Cursor):
    """The part of the reader that reads factors."""

    def known(self, command: str) -> bool:
        """Return whether a command begins a factor."""
        return command in FUNCTIONS or command in LETTERS or command in ACCENTS or command in ARGUMENTS

    def power(self) -> Node:
        """Read a factor with its suffixes: powers, factorials, percent, degrees, primes."""
        tree = self.primary()
        for _ in range(MOST_BEHIND):
            if self.take("!"):
                tree = Node("fact", (tree,))
            elif self.take("\\%", "%"):
                tree = Node("percent", (tree,))
            elif self.take("\\circ"):
                tree = self._degrees(tree)
            elif self.take("'"):
                tree = self._primed(tree)
            elif self.take("^"):
                tree = self._raised(tree)
            else:
                break
        return tree

    def _raised(self, tree: Node) -> Node:
        """Return a tree with the script above it."""
        ahead = [
            token.text for token in self.tokens[self.place : self.place + 4] if token.text not in ("{", "}")
        ]
        if ahead and ahead[0] == "\\circ":
            self.flat()
            return self._degrees(tree)
        if ahead and ahead[0] in ("\\prime", "'"):
            for _ in range(self.flat().count(ahead[0])):
                tree = self._primed(tree)
            return tree
        return Node("pow", (tree, self.script()))

    def _degrees(self, tree: Node) -> Node:
        if self.peek().text in ("C", "F") and self.peek(1).kind in ("end", "op"):
            return Node("unit", (tree,), name="degrees " + self.next().text)
        return Node("degree", (tree,))

    def _primed(self, tree: Node) -> Node:
        return Node("sym", name=tree.name + "'") if tree.op == "sym" else tree

    def script(self) -> Node:
        """Read the operand of a `^` or `_`: braces, or one factor with a sign."""
        if self.take("{"):
            tree = self.sum()
            self.need("}")
            return tree
        negative = self.take("-")
        tree = self.power()
        return Node("neg", (tree,)) if negative else tree

    def primary(self) -> Node:
        """Read a number, a letter, a command with its arguments, or brackets."""
        with self.deeper():
            return self._primary(self.next())

    def _primary(self, token: Token) -> Node:
        if token.kind == "num":
            return self._number(token.text)
        if token.kind == "sym":
            return self._letter(token.text)
        if token.text in FUNCTIONS:
            return self._function(token.text)
        if token.text in ("(", "["):
            return self._bracket(token.text)
        if token.text == "{":
            tree = self.sum()
            self.need("}")
            return tree
        if token.text == "|":
            return self._bars()
        if token.kind == "cmd":
            return self._command(token.text)
        raise UnreadableError

    def _number(self, text: str) -> Node:
        if len(text) > LONGEST_NUMBER:
            raise UnreadableError
        if self.take("_"):
            return self._based(text)
        if self.peek().text in ("\\overline", "\\dot", "\\bar") and "." in text:
            self.next()
            return number(_repeating(text, self.flat()))
        whole = number(Fraction(text))
        if text.isdigit() and self.peek().text == "\\frac":
            start = self.place
            part = self.primary()
            if part.op == "div" and all(arg.op == "num" for arg in part.args):
                return Node("add", (whole, part))
            self.place = start
        if text.isdigit() and self.peek().kind == self.peek(2).kind == "num" and self.peek(1).text == "/":
            top, _, below = self.next().text, self.next(), self.next().text
            return Node("add", (whole, Node("div", (number(Fraction(top)), number(Fraction(below))))))
        return whole

    def _based(self, digits: str) -> Node:
        base = self.flat().strip("()")
        if not (base.isascii() and base.isdigit() and digits.isdigit() and len(base) < 3):
            raise UnreadableError
        return Node("based", name=digits, value=Fraction(base))

    def _letter(self, name: str) -> Node:
        if self.take("_"):
            name += "_" + self.flat()
        ahead = [token.text for token in self.tokens[self.place : self.place + 3]]
        if ahead[:1] == ["("] and (name in CALLED or ahead == ["(", "0", ")"]):
            self.next()
            arguments = self.items("bracket", lambda: self.peek().text == ")").args
            self.need(")")
            return Node("call", arguments, name=name)
        return Node("sym", name=name)

    def _function(self, name: str) -> Node:
        """Read a function with its argument: brackets, braces, or the factors up to the next sign or function."""
        if name == "sqrt":
            return self._root()
        power = base = None
        while self.peek().text in ("^", "_"):
            if self.next().text == "^":
                power = self.script()
            else:
                base = self.script()
        if self.peek().text in ("(", "[", "{"):
            argument = self.primary()
        else:
            factors = [self.power()]
            while self.left() and self.starts_a_factor() and self.peek().text not in (*FUNCTIONS, "("):
                factors.append(self.power())
            argument = factors[0] if len(factors) == 1 else Node("mul", tuple(factors))
        if power in (number(-1), Node("neg", (number(1),))) and "arc" + name in FUNCTIONS:
            return Node("fn", (argument,), name="arc" + name)
        tree = Node("fn", (argument,) if base is None else (argument, base), name=name)
        return tree if power is None else Node("pow", (tree, power))

    def _root(self) -> Node:
        degree = number(2)
        if self.take("["):
            degree = self.sum()
            self.need("]")
        return Node("root", (self.argument(whole=True), degree))

    def argument(self, whole: bool = False) -> Node:
        """Read a command's argument: braces, else one token; of a number one digit, or all of it."""
        if self.peek().kind == "num" and not whole:
            text = self.next().text
            if not text.isdigit():
                raise UnreadableError
            if len(text) > 1:
                self.place -= 1
                self.tokens[self.place] = Token("num", text[1:])
            return number(int(text[0]))
        return self.primary()

    def _bracket(self, opened: str) -> Node:
        bars, self.bars = self.bars, 0
        tree = self.items("bracket", lambda: self.peek().text in (")", "]"))
        closed = self.next().text
        self.bars = bars
        if len(tree.args) == 1:
            return tree.args[0]
        return Node("bracket", tree.args, name=opened + closed)

    def _bars(self) -> Node:
        self.bars += 1
        tree = self.sum()
        self.need("|")
        self.bars -= 1
        return Node("abs", (tree,))

    def _command(self, name: str) -> Node:
        if name == "\\frac":
            return Node("div", (self.argument(), self.argument()))
        if name == "\\binom":
            return Node("binom", (self.argument(), self.argument()))
        if name == "\\sqrt":
            return self._root()
        if name in BRACES:
            tree = self.sum()
            self.need(BRACES[name][0])
            return Node(BRACES[name][1], (tree,))
        if name == "\\{":
            return self._set()
        if name == "\\begin":
            return self._matrix()
        if name == "\\infty":
            return INFINITY
        if name in ACCENTS:
            return self._letter(name + "{" + self.flat() + "}")
        if name in LETTERS:
            return self._letter(name)
        raise UnreadableError

    def _set(self) -> Node:
        if self.take("\\}"):
            return Node("sym", name="\\emptyset")
        bars, self.bars, self.in_set = self.bars, 1, True
        first = self.items("set", lambda: self.peek().text in ("\\}", "|", ":"))
        self.bars, self.in_set = bars, False
        if self.take("|", ":"):
            condition = self.relation()
            self.need("\\}")
            if not named(first.args[0]):
                raise UnreadableError
            return condition
        self.need("\\}")
        return first

    def _matrix(self) -> Node:
        kind = self.flat()
        if kind not in ("pmatrix", "bmatrix", "matrix", "vmatrix", "Bmatrix", "smallmatrix", "array"):
            raise UnreadableError
        if kind == "array":
            self.flat()
        rows: list[Node] = []
        row: list[Node] = []
        while True:
            if self.peek().text not in CELLS:
                row.append(self.relation())
            mark = self.next().text
            if mark in ("\\cr", "\\end") and row:
                rows.append(Node("row", tuple(row)))
                row = []
            if mark == "\\end":
                self.flat()
                return Node("matrix", tuple(rows))
            if mark not in CELLS:
                raise UnreadableError


def _repeating(text: str, period: str) -> Fraction:
    """Return the value of a repeating decimal: 0.1 with 6 repeating is 1/10 + 6/90."""
    if not (period.isascii() and period.isdigit()) or "e" in text.casefold():
        raise UnreadableError
    after = len(text.partition(".")[2])
    return Fraction(text if text[-1] != "." else text + "0") + Fraction(
        int(period), (10 ** len(period) - 1) * 10**after
    )

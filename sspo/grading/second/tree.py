"""The tree of an answer's tokens: recursive descent, bounded in depth."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from sspo.grading.second.node import Node, UnreadableError, named, number
from sspo.grading.second.scripts import Scripts
from sspo.grading.second.tokens import FUNCTIONS, tokens
from sspo.grading.second.units import FACTORS

RELATIONS = {
    "=": "=",
    "<": "<",
    ">": ">",
    "\\le": "<=",
    "\\ge": ">=",
    "\\ne": "!=",
    "\\approx": "~",
    "\\in": "in",
    "\\equiv": "=",
}
SKIPPED = {"\\angle", "\\triangle", "\\therefore", "\\implies", "\\Rightarrow"}
CHOICE = re.compile(r"\(?([A-J])\)?[.:]?")


def read(text: str) -> Node:
    """Return the tree of a cleaned answer; raise UnreadableError if this grader cannot read it."""
    if re.fullmatch(r"[A-Za-z][A-Za-z .,'-]*", text) and (
        any(len(word) > 3 and word not in FUNCTIONS for word in re.findall("[A-Za-z]+", text))
        or text.casefold() in ("yes", "no", "odd", "red")
    ):
        return Node("text", name=text)
    reader = Reader([token for token in tokens(text) if token.text not in SKIPPED])
    tree = reader.items("list", lambda: False)
    if reader.left():
        raise UnreadableError
    return tree


class Reader(Scripts):
    """Reads an answer's tokens from left to right."""

    def items(self, op: str, closed: Callable[[], bool]) -> Node:
        """Read what commas, semicolons and `and` separate: one item is itself, several are a node `op`."""
        found: list[Node] = []
        while self.left() and not closed():
            if self.take(",", ";"):
                continue
            item = self.relation()
            if item.op != "sym" or not item.name.startswith("mathbb") or not found:
                found.append(item)
            if self.left() and not closed() and self.peek().text not in (",", ";"):
                raise UnreadableError
        if not found:
            raise UnreadableError
        return found[0] if len(found) == 1 and op == "list" else Node(op, tuple(found))

    def relation(self) -> Node:
        """Read an equation, an inequality, membership, or a lone expression."""
        self.take("\\approx")
        parts, ops = [self.union()], []
        while self.left() and (self.peek().text in RELATIONS or self._colon()):
            sign = self.next().text
            if sign in ("<", ">") and self.take("="):
                sign = {"<": "\\le", ">": "\\ge"}[sign]
            if sign == ":" and not named(parts[-1]):
                parts[-1] = Node("div", (parts[-1], self.union()))
                break
            ops.append("=" if sign == ":" else RELATIONS[sign])
            parts.append(self.union())
        if not ops:
            return parts[0]
        if ops[-1] == "in":
            return parts[-1]
        return Node("rel", tuple(parts), name=" ".join(ops))

    def _colon(self) -> bool:
        """Read a ratio, or the text after a name; in a set it begins the condition."""
        return self.peek().text == ":" and not self.in_set

    def union(self) -> Node:
        """Read sets joined by a union, or a value with its unit."""
        parts = [self.with_unit()]
        while self.take("\\cup"):
            parts.append(self.with_unit())
        return parts[0] if len(parts) == 1 else Node("union", tuple(parts))

    def with_unit(self) -> Node:
        """Read words, or an expression with the words after it."""
        if self.peek().kind == "text":
            words = self.words()
            choice = CHOICE.fullmatch(words)
            if choice:
                self.place = len(self.tokens)
            if self.starts_a_factor() or self.peek().text in ("-", "+", "\\pm"):
                return self.with_unit()
            return Node("text", name=choice[1] if choice else words)
        tree = self.sum()
        while self.left() and self.peek().kind == "text":
            tree = self._scaled(tree, self.words())
        return tree

    def _scaled(self, tree: Node, words: str) -> Node:
        first, _, rest = words.partition(" ")
        if first.casefold() in FACTORS:
            power = number(Fraction(10) ** FACTORS[first.casefold()])
            tree, words = Node("mul", (tree, power)), rest
        if re.fullmatch(r"degrees?", words.casefold()):
            return Node("degree", (tree,))
        if re.fullmatch(r"per ?cent", words.casefold()):
            return Node("percent", (tree,))
        return Node("unit", (tree,), name=words) if words else tree

    def words(self) -> str:
        """Read words in a row, with powers of units and their divisors."""
        found = []
        while self.left():
            if self.peek().kind == "text":
                found.append(self.next().text)
            elif self.peek().text == "^":
                self.next()
                found[-1] += "^" + self.flat()
            elif self.peek().text in ("/", "*") and self.peek(1).kind == "text":
                found.append({"/": "per", "*": ""}[self.next().text])
            else:
                break
        return " ".join(found)

    def sum(self) -> Node:
        """Read terms with signs."""
        with self.deeper():
            negative = self._sign()
            terms = [_negative(self.term()) if negative else self.term()]
            while self.left():
                if self.peek().text in ("\\pm", "\\mp"):
                    terms.append(self.term())
                elif self.peek().text in ("+", "-"):
                    negative = self._sign()
                    terms.append(_negative(self.term()) if negative else self.term())
                else:
                    break
            return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def _sign(self) -> bool:
        negative = False
        while self.left() and self.peek().text in ("+", "-"):
            negative ^= self.next().text == "-"
        return negative

    def term(self) -> Node:
        """Read factors, side by side or with signs between them; a quotient is a product with an inverse."""
        for sign, name in (("\\pm", "+"), ("\\mp", "-")):
            if self.take(sign):
                return Node("pm", (self._product(),), name=name)
        return self._product()

    def _product(self) -> Node:
        factors = [self.power()]
        while self.left():
            if self.peek().text in ("*", "/"):
                if self.peek(1).kind == "text":
                    return self._scaled(_product(factors), self.words())
                divided = self.next().text == "/"
                raised = not divided and self.take("*")
                factor = _negative(self.power()) if self._sign() else self.power()
                if raised:
                    factors[-1] = Node("pow", (factors[-1], factor))
                else:
                    factors.append(Node("inv", (factor,)) if divided else factor)
            elif self.starts_a_factor():
                factors.append(self.power())
            else:
                break
        return _product(factors)

    def starts_a_factor(self) -> bool:
        """Return whether the next token begins a factor beside the previous one."""
        token = self.peek()
        if token.kind == "num":
            return self.tokens[self.place - 1].kind != "num"
        if token.text == "|":
            return not self.bars
        return (
            token.kind == "sym"
            or token.text in ("(", "[", "{")
            or (token.kind == "cmd" and self.known(token.text))
        )


def _negative(tree: Node) -> Node:
    """Return the negative; the negative of a percentage or an angle is one too."""
    if tree.op in ("percent", "degree", "unit"):
        return Node(tree.op, (_negative(tree.args[0]),), name=tree.name)
    return number(-tree.value) if tree.op == "num" else Node("neg", (tree,))


def _product(factors: list[Node]) -> Node:
    return factors[0] if len(factors) == 1 else Node("mul", tuple(factors))

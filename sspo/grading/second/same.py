"""Comparison of two trees: numbers by value, sets without order, tuples in order, equations up to a factor."""

from __future__ import annotations

from fractions import Fraction

from sspo.grading.second.node import INFINITY, Node, UnreadableError, named, number
from sspo.grading.second.units import unit_of
from sspo.grading.second.values import Points, Valued, proportional, same_value

MOST_ITEMS = 64
"""Maximum items of a set, or of a list of solutions."""
MOST_COMPARED = 5_000
"""Maximum comparisons of any two parts, in sets of sets."""
SETS = ("list", "set", "union")
REALS = Node("sym", name="mathbbR")
STRUCTURED = (*SETS, "bracket", "matrix", "row", "rel", "text")
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def same(a: Node, b: Node) -> bool:
    """Return whether two answers are one; raise UnreadableError if one of them has no value at all."""
    return _Comparison(Points.for_trees((a, b))).same(a, b)


class _Comparison:
    def __init__(self, points: Points) -> None:
        self.points = points
        self._valued: dict[int, Valued] = {}
        self._compared = 0

    def same(self, a: Node, b: Node) -> bool:
        """See the function."""
        self._compared += 1
        if self._compared > MOST_COMPARED:
            raise UnreadableError
        a, b = as_set(a), as_set(b)
        for one, other in ((a, b), (b, a)):
            if one.op == "list" and other.op == "bracket" and other.name == "()":
                return self._in_order(one, other)
        mine, yours = members(a), members(b)
        if len(mine) != len(yours):
            return False
        if len(mine) == 1:
            return self._one(as_set(mine[0]), as_set(yours[0]))
        if max(len(mine), len(yours)) > MOST_ITEMS:
            raise UnreadableError
        rest = list(yours)
        for item in mine:
            found = next((place for place, other in enumerate(rest) if self.same(item, other)), None)
            if found is None:
                return False
            rest.pop(found)
        return True

    def _one(self, a: Node, b: Node) -> bool:
        if a.op == "rel" or b.op == "rel":
            return self._relations(a, b)
        if a.op == "text" or b.op == "text":
            return words(a) == words(b) != ""
        if a.op == b.op == "bracket":
            return (a.name == b.name or len(a.args) > 2) and self._in_order(a, b)
        if a.op == b.op == "matrix":
            shape = [len(row.args) for row in a.args] == [len(row.args) for row in b.args]
            return shape and all(
                self._in_order(mine, yours) for mine, yours in zip(a.args, b.args, strict=True)
            )
        for one, other in ((a, b), (b, a)):
            if one.op == "matrix" and other.op == "bracket" and other.name == "()":
                vector = Node("row", tuple(item for row in one.args for item in row.args))
                return min(len(one.args), len(one.args[0].args)) == 1 and self._in_order(vector, other)
        if a.op in STRUCTURED or b.op in STRUCTURED:
            return False
        return self._scalars(a, b)

    def _in_order(self, a: Node, b: Node) -> bool:
        return len(a.args) == len(b.args) and all(
            self.same(x, y) for x, y in zip(a.args, b.args, strict=True)
        )

    def _value(self, a: Node, b: Node) -> bool:
        return same_value(self._of(a), self._of(b))

    def _of(self, node: Node) -> Valued:
        key = id(node)
        if key not in self._valued or self._valued[key].tree is not node:
            self._valued[key] = Valued(node, self.points)
        return self._valued[key]

    def _scalars(self, a: Node, b: Node) -> bool:
        """Compare numbers and expressions, with units, percent, degrees or a base on one side or on both."""
        if a.op == b.op == "unit":
            mine, yours = unit_of(a.name), unit_of(b.name)
            a, b = a.args[0], b.args[0]
            if mine and yours and mine != yours:
                scaled = [Node("mul", (tree, number(size))) for tree, (_, size) in ((a, mine), (b, yours))]
                return mine[0] == yours[0] and self._value(*scaled)
        a, b = (node.args[0] if node.op == "unit" else node for node in (a, b))
        if a.op == b.op == "based":
            return (a.name.lstrip("0"), a.value) == (b.name.lstrip("0"), b.value)
        for one, other in ((a, b), (b, a)):
            if one.op == other.op or other.op == "based":
                continue
            if one.op == "degree" and self._value(one.args[0], other):
                return True
            if one.op == "percent" and self._above_one(one.args[0]) and self._value(one.args[0], other):
                return True
            if one.op == "based":
                return self._value(number(Fraction(int(one.name))), other)
        return self._value(a, b)

    def _above_one(self, node: Node) -> bool:
        """Return whether a percentage may appear without its sign: 0.5 for 0.5 % would be read as a half."""
        value = self._of(node).at(0)
        return isinstance(value, Fraction) and abs(value) > 1

    def _relations(self, a: Node, b: Node) -> bool:
        if a.op == b.op == "rel":
            both_named = _name(a) is not None and _name(b) is not None
            if both_named and self.same(a.args[-1], b.args[-1]):
                return _name(a) == _name(b) or not {str(_name(a)), str(_name(b))} <= {"x", "y", "z"}
            return (a.name == b.name and self._in_order(a, b)) or self._equations(a, b)
        if b.op == "rel":
            a, b = b, a
        if "~" in a.name.split():
            return any(self.same(part, b) for part in a.args)
        if set(a.name.split()) != {"="}:
            return False
        if _name(a) is not None or self._constant(a.args[0]) or self.same(a.args[0], a.args[-1]):
            return self.same(a.args[-1], b)
        return False

    def _constant(self, node: Node) -> bool:
        return node.op not in STRUCTURED and self._of(node).constant

    def _equations(self, a: Node, b: Node) -> bool:
        """Return whether both sides' differences are multiples of each other: positive ones for an inequality."""
        sides = []
        for relation in (a, b):
            if len(relation.args) != 2 or any(arg.op in STRUCTURED for arg in relation.args):
                return False
            left, right = relation.args
            op = relation.name
            if op in (">", ">="):
                left, right, op = right, left, FLIPPED[op]
            sides.append((op, Node("add", (left, Node("neg", (right,))))))
        (op, left), (other, right) = sides
        return (
            op == other
            and op != "~"
            and proportional(self._of(left), self._of(right), positive=op in ("<", "<="))
        )


def _name(relation: Node) -> str | None:
    """Return the name before the equals sign, or None if it is not a name."""
    head = relation.args[0]
    return (head.name or head.op) if relation.name.split()[0] == "=" and named(head) else None


def members(tree: Node) -> tuple[Node, ...]:
    """Return items without order: of a list, a set, a union; each value of a plus-minus; else the tree itself."""
    items = tree.args if tree.op in SETS else (tree,)
    if tree.op == "union":
        items = tuple(inner for item in items for inner in members(as_set(item)))
    return tuple(value for item in items for value in _signs(item))


def _signs(tree: Node) -> tuple[Node, ...]:
    """Return both readings of a tree with plus-minus signs, which go together; else the tree."""
    if tree.op in SETS or not any(node.op == "pm" for node in tree.walk()):
        return (tree,)
    return _signed(tree, "+"), _signed(tree, "-")


def _signed(tree: Node, upper: str) -> Node:
    args = tuple(_signed(arg, upper) for arg in tree.args)
    if tree.op == "pm":
        return args[0] if tree.name == upper else Node("neg", args)
    return Node(tree.op, args, tree.name, tree.value) if args else tree


def as_set(tree: Node) -> Node:
    """Return an inequality of one letter as the interval that it describes, and everything else unchanged."""
    if tree == REALS:
        return Node("bracket", (Node("neg", (INFINITY,)), INFINITY), name="()")
    if tree.op != "rel":
        return tree
    parts, ops = list(tree.args), tree.name.split()
    if set(ops) <= {">", ">="}:
        parts, ops = parts[::-1], [FLIPPED[op] for op in ops[::-1]]
    if not set(ops) <= {"<", "<="}:
        return _hole(tree) if ops == ["!="] else tree
    if len(parts) == 2 and _letter(parts[0]) != _letter(parts[1]):
        parts, ops = (
            ([Node("neg", (INFINITY,)), *parts], ["<", *ops])
            if _letter(parts[0])
            else ([*parts, INFINITY], [*ops, "<"])
        )
    if len(parts) != 3 or not _letter(parts[1]):
        return tree
    return Node(
        "bracket",
        (parts[0], parts[2]),
        name=("(" if ops[0] == "<" else "[") + (")" if ops[1] == "<" else "]"),
    )


def _letter(node: Node) -> bool:
    return node.op == "sym" and named(node)


def _hole(tree: Node) -> Node:
    """Return all numbers except one."""
    letter, other = tree.args
    if not _letter(letter):
        return tree
    low, high = Node("neg", (INFINITY,)), INFINITY
    return Node(
        "union", (Node("bracket", (low, other), name="()"), Node("bracket", (other, high), name="()"))
    )


def words(tree: Node) -> str:
    """Return the letters and digits of a text answer, without case, articles and the brackets of a choice."""
    text = tree.name if tree.op in ("text", "sym") else ""
    kept = "".join(char if char.isalnum() else " " for char in text.casefold()).split()
    return " ".join(kept[1:] if len(kept) > 1 and kept[0] in ("a", "an", "the") else kept)

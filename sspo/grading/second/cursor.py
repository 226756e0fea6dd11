"""A position among tokens, with the operations that readers of expressions need."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sspo.grading.second.node import Node, UnreadableError
from sspo.grading.second.tokens import Token

DEEPEST = 40
"""Maximum nesting of sums and factors: twenty brackets."""
END = Token("end", "")


class Cursor(ABC):
    """Tokens, and how many of them are read."""

    def __init__(self, found: list[Token]) -> None:
        self.tokens, self.place, self.depth, self.bars = found, 0, 0, 0
        self.in_set = False

    @abstractmethod
    def items(self, op: str, closed: Callable[[], bool]) -> Node:
        """See Reader."""

    @abstractmethod
    def relation(self) -> Node:
        """See Reader."""

    @abstractmethod
    def sum(self) -> Node:
        """See Reader."""

    @abstractmethod
    def starts_a_factor(self) -> bool:
        """See Reader."""

    def left(self) -> bool:
        """Return whether tokens are left."""
        return self.place < len(self.tokens)

    def peek(self, ahead: int = 0) -> Token:
        """Return the next token, or END."""
        return self.tokens[self.place + ahead] if self.place + ahead < len(self.tokens) else END

    def next(self) -> Token:
        """Return the next token and move past it."""
        if not self.left():
            raise UnreadableError
        self.place += 1
        return self.tokens[self.place - 1]

    def take(self, *texts: str) -> bool:
        """Take the next token if it is one of these; return whether it was."""
        taken = self.left() and self.peek().text in texts and self.peek().kind != "text"
        self.place += taken
        return taken

    def need(self, text: str) -> None:
        """Take the required token. Raises UnreadableError if it is not next."""
        if not self.take(text):
            raise UnreadableError

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Go one level down; raise UnreadableError beyond DEEPEST."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise UnreadableError
        yield
        self.depth -= 1

    def flat(self) -> str:
        """Return a script's tokens as one name."""
        if not self.take("{"):
            return self.next().text
        found = []
        while not self.take("}"):
            found.append(self.next().text)
        return "".join(found)

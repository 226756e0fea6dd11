"""What LaTeX prints for a character: ASCII alone, which any document with booktabs and graphicx compiles, whatever its encoding."""

from __future__ import annotations

import string
import unicodedata

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}
WORDS = {
    "–": "--",
    "—": "---",
    "‐": "-",
    "‑": "-",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "⁄": "/",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "©": r"\copyright{}",
    "£": r"\pounds{}",
    "¡": "!`",
    "¿": "?`",
    "ß": r"\ss{}",
    "ẞ": "SS",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "ı": r"\i{}",
    "ȷ": r"\j{}",
}
GREEK = dict(zip(
    "αβγδεζηθικλμνξοπρσςτυφχψω" "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ" "ϵϑϖϱϕϰ",
    r"\alpha \beta \gamma \delta \varepsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi o \pi \rho \sigma \varsigma \tau "
    r"\upsilon \varphi \chi \psi \omega "
    r"\mathrm{A} \mathrm{B} \Gamma \Delta \mathrm{E} \mathrm{Z} \mathrm{H} \Theta \mathrm{I} \mathrm{K} \Lambda \mathrm{M} "
    r"\mathrm{N} \Xi \mathrm{O} \Pi \mathrm{P} \Sigma \mathrm{T} \Upsilon \Phi \mathrm{X} \Psi \Omega "
    r"\epsilon \vartheta \varpi \varrho \phi \kappa".split(),
    strict=True,
))  # fmt: skip
SYMBOLS = dict(zip(
    "±∓−√×÷·⋅∗∘∙•°′∞∂∇∑∏∫∀∃∅¬∧∨∩∪⊕⊗⊥∥‖⟨⟩⌈⌉⌊⌋ℓ⋆★○●△▽¦"
    "≤≥≠≈∼≃≅≡≝∝≪≫≺≻∈∉∋⊂⊆⊃⊇⊢⊨≔"
    "→←↔⇒⇐⇔↑↓↕⇑⇓↦⟶⟵⟷⟹⟸⟺↗↘↙↖↩⏎↪",
    r"\pm \mp - \surd \times \div \cdot \cdot \ast \circ \bullet \bullet ^\circ \prime \infty \partial \nabla \Sigma \Pi \int \forall "
    r"\exists \emptyset \neg \wedge \vee \cap \cup \oplus \otimes \perp \parallel \| \langle \rangle \lceil \rceil \lfloor \rfloor "
    r"\ell \star \star \circ \bullet \triangle \bigtriangledown \mid "
    r"\leq \geq \neq \approx \sim \simeq \cong \equiv \equiv \propto \ll \gg \prec \succ \in \notin \ni \subset \subseteq \supset "
    r"\supseteq \vdash \models := "
    r"\to \leftarrow \leftrightarrow \Rightarrow \Leftarrow \Leftrightarrow \uparrow \downarrow \updownarrow \Uparrow \Downarrow "
    r"\mapsto \longrightarrow \longleftarrow \longleftrightarrow \Longrightarrow \Longleftarrow \Longleftrightarrow \nearrow "
    r"\searrow \swarrow \nwarrow \hookleftarrow \hookleftarrow \hookrightarrow".split(),
    strict=True,
))  # fmt: skip
MATHS = GREEK | SYMBOLS | {"«": r"\ll", "»": r"\gg", "∆": r"\Delta"}
LATEX = SPECIAL | WORDS | {character: f"${command}$" for character, command in MATHS.items()}
SHIFTED = {"<super": "^", "<sub": "_"}
PLAIN_IN_MATHS = frozenset(string.ascii_letters + string.digits + "+-=()")
ACCENTS = {
    "\u0300": ("`", "grave"),
    "\u0301": ("'", "acute"),
    "\u0302": ("^", "hat"),
    "\u0303": ("~", "tilde"),
    "\u0304": ("=", "bar"),
    "\u0306": ("u", "breve"),
    "\u0307": (".", "dot"),
    "\u0308": ('"', "ddot"),
    "\u030a": ("r", "mathring"),
    "\u030b": ("H", None),
    "\u030c": ("v", "check"),
    "\u0323": ("d", None),
    "\u0327": ("c", None),
    "\u0331": ("b", None),
}
"""The command of a combining mark over a letter in text, and over one in maths."""


def printed(character: str) -> str:
    """The character as LaTeX prints it; one that its usual fonts have no sign for is named by its code: U+6F22."""
    if character in LATEX:
        return LATEX[character]
    if character.isascii():
        return character
    canonical = unicodedata.decomposition(character)
    if canonical and not canonical.startswith("<"):
        return _accented(character, *map(_of_code, canonical.split()))
    kind, _, codes = canonical.partition("> ")
    plain = "".join(map(_of_code, codes.split()))
    if kind in SHIFTED and all(c in MATHS or c in PLAIN_IN_MATHS for c in plain):
        return f"${SHIFTED[kind]}{{{''.join(MATHS.get(c, c) for c in plain)}}}$"
    return "".join(map(printed, plain)) or _named(character)


def _accented(character: str, base: str, mark: str = "") -> str:
    if not mark:
        return printed(base)
    text, maths = ACCENTS.get(mark, (None, None))
    if text and base.isascii() and base.isalpha():
        return rf"\{text}{{{rf'{chr(92)}{base}' if base in 'ij' else base}}}"
    if maths and base in GREEK:
        return rf"$\{maths}{{{GREEK[base]}}}$"
    return _named(character)


def _of_code(code: str) -> str:
    return chr(int(code, 16))


def _named(character: str) -> str:
    return f"$\\langle$U+{ord(character):04X}$\\rangle$"

"""Characters as LaTeX prints them, in ASCII, which any document compiles whatever its encoding."""

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
    [r"\alpha", r"\beta", r"\gamma", r"\delta", r"\varepsilon", r"\zeta", r"\eta", r"\theta", r"\iota", r"\kappa", r"\lambda", r"\mu", r"\nu", r"\xi", r"o", r"\pi", r"\rho", r"\sigma", r"\varsigma", r"\tau", r"\upsilon", r"\varphi", r"\chi", r"\psi", r"\omega", r"\mathrm{A}", r"\mathrm{B}", r"\Gamma", r"\Delta", r"\mathrm{E}", r"\mathrm{Z}", r"\mathrm{H}", r"\Theta", r"\mathrm{I}", r"\mathrm{K}", r"\Lambda", r"\mathrm{M}", r"\mathrm{N}", r"\Xi", r"\mathrm{O}", r"\Pi", r"\mathrm{P}", r"\Sigma", r"\mathrm{T}", r"\Upsilon", r"\Phi", r"\mathrm{X}", r"\Psi", r"\Omega", r"\epsilon", r"\vartheta", r"\varpi", r"\varrho", r"\phi", r"\kappa"],
    strict=True,
))  # fmt: skip
SYMBOLS = dict(zip(
    "±∓−√×÷·⋅∗∘∙•°′∞∂∇∑∏∫∀∃∅¬∧∨∩∪⊕⊗⊥∥‖⟨⟩⌈⌉⌊⌋ℓ⋆★○●△▽¦"
    "≤≥≠≈∼≃≅≡≝∝≪≫≺≻∈∉∋⊂⊆⊃⊇⊢⊨≔"
    "→←↔⇒⇐⇔↑↓↕⇑⇓↦⟶⟵⟷⟹⟸⟺↗↘↙↖↩⏎↪",
    [r"\pm", r"\mp", r"-", r"\surd", r"\times", r"\div", r"\cdot", r"\cdot", r"\ast", r"\circ", r"\bullet", r"\bullet", r"^\circ", r"\prime", r"\infty", r"\partial", r"\nabla", r"\Sigma", r"\Pi", r"\int", r"\forall", r"\exists", r"\emptyset", r"\neg", r"\wedge", r"\vee", r"\cap", r"\cup", r"\oplus", r"\otimes", r"\perp", r"\parallel", r"\|", r"\langle", r"\rangle", r"\lceil", r"\rceil", r"\lfloor", r"\rfloor", r"\ell", r"\star", r"\star", r"\circ", r"\bullet", r"\triangle", r"\bigtriangledown", r"\mid", r"\leq", r"\geq", r"\neq", r"\approx", r"\sim", r"\simeq", r"\cong", r"\equiv", r"\equiv", r"\propto", r"\ll", r"\gg", r"\prec", r"\succ", r"\in", r"\notin", r"\ni", r"\subset", r"\subseteq", r"\supset", r"\supseteq", r"\vdash", r"\models", r":=", r"\to", r"\leftarrow", r"\leftrightarrow", r"\Rightarrow", r"\Leftarrow", r"\Leftrightarrow", r"\uparrow", r"\downarrow", r"\updownarrow", r"\Uparrow", r"\Downarrow", r"\mapsto", r"\longrightarrow", r"\longleftarrow", r"\longleftrightarrow", r"\Longrightarrow", r"\Longleftarrow", r"\Longleftrightarrow", r"\nearrow", r"\searrow", r"\swarrow", r"\nwarrow", r"\hookleftarrow", r"\hookleftarrow", r"\hookrightarrow"],
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
"""The command of a combining mark over a letter in text, and over one in math."""


def printed(character: str) -> str:
    """Return the character as LaTeX prints it; one without a glyph in the usual fonts is named by its code:
    U+6F22.
    """
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

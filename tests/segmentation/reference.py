"""What the rules on delimiters mean, on plain text and one character after the other: slow and meant to be read.

It shares nothing with sspo/segmentation but the lists of characters and abbreviations. `cut_characters` says which
characters end a segment; `cut_tokens` puts the cuts at the tokens that hold those characters, by the tokenizer's own
offsets.
"""

from __future__ import annotations

import re
import string
from itertools import pairwise

from sspo.segmentation.delimiter_table import CLAUSE_MARKS, CLOSERS, LINE_MARKS, SENTENCE_MARKS
from sspo.segmentation.protections import ABBREVIATIONS

MARKS = {
    "subsentence": CLAUSE_MARKS,
    "sentence": SENTENCE_MARKS,
    "line": LINE_MARKS,
    "step": LINE_MARKS,
}
AMBIGUOUS = "*\"'"
DIGIT = "[0-9０-９]"
LABEL = re.compile(
    rf"""(?:[*_(\[{{"' \t\r#>+-]*[ \t\r])?[*_(\[{{"']*"""
    rf"(?:(?:{DIGIT}{{1,3}}[.．])*{DIGIT}{{1,3}}|[一二三四五六七八九十]{{1,3}}|[A-Za-z]|[ivxIVX]{{1,4}})"
)
FARTHEST = 64
"""Bytes of a line that are looked at."""
BLANK_LINE = re.compile(r"\n(?=[ \t\r]*\n)")


def cut_characters(text, config):
    """The characters after which a segment ends."""
    marks = MARKS[config.rule]
    ends = {i for i, char in enumerate(text) if char in marks}
    if config.protect_numbers:
        ends -= {i for i in ends if in_number(text, i) or numbers_an_item(text, i)}
    if config.protect_abbreviations:
        ends -= {i for i in ends if in_abbreviation(text, i)}
    spans, inside = [], set()
    if config.protect_latex:
        formulas = dollars(text) + brackets(text, "()") + brackets(text, "[]")
        spans += formulas + braces(text)
        inside |= {i for i in ends if text[i] != "\n" and escaped(text, i)}
        for begin, close, end in formulas:
            last = close - 1
            while last >= begin and text[last] in " \t\r":
                last -= 1
            if last >= begin and text[last] in marks and text[last] != "\n" and not escaped(text, last):
                ends.add(end - 1)
    if config.protect_code:
        spans += code(text)
    for begin, close, _ in spans:
        inside |= set(range(begin, close))
    ends -= inside
    if config.rule == "step":
        ends = {i for i in ends if re.search(r"\n[ \t\r]*\Z", text[:i])}
    return last_of_runs(text, ends)


def last_of_runs(text, ends):
    """Marks and closing characters that touch are one end, line breaks also across blanks."""
    last = set()
    for i in ends:
        at = i
        while True:
            following = re.match(r"[ \t\r]*\n", text[at + 1 :])
            if following and at + following.end() in ends:
                at += following.end()
            elif text[at] != "\n" and at + 1 < len(text) and (at + 1 in ends or closes(text, at + 1)):
                at += 1
            else:
                break
        last.add(at)
    return last


def closes(text, i):
    """Whether the character closes; those that open as well do so unless they stand right before text and nothing of
    their kind is open on the line."""
    if text[i] not in CLOSERS:
        return False
    if text[i] not in AMBIGUOUS:
        return True
    after = text[i:].lstrip(AMBIGUOUS)[:1]
    if not after or after in CLAUSE_MARKS + CLOSERS + " \t\r}":
        return True
    if text[i] == "'":
        return False
    begin = end = i
    if text[i] == "*":
        while text[begin - 1 : begin] == "*":
            begin -= 1
        while text[end + 1 : end + 2] == "*":
            end += 1
    line = text[:begin].rpartition("\n")[2]
    return line.count(text[i]) // (end - begin + 1) % 2 == 1


def is_digit(text, i):
    return 0 <= i < len(text) and text[i] in "0123456789"


def is_letter(text, i):
    return 0 <= i < len(text) and text[i].isascii() and text[i].isalpha()


def is_text(text, i):
    return 0 <= i < len(text) and text[i] not in " \t\r\n"


def is_any_digit(text, i):
    return 0 <= i < len(text) and (is_digit(text, i) or "０" <= text[i] <= "９")


def in_number(text, i):
    if text[i] in ",:":
        return is_digit(text, i - 1) and is_digit(text, i + 1)
    if text[i] in "．：":
        return is_any_digit(text, i - 1) and is_any_digit(text, i + 1)
    return text[i] == "." and is_digit(text, i + 1) and not is_letter(text, i - 1)


def numbers_an_item(text, i):
    """Whether the mark stands behind a label that begins its line."""
    line = text[:i].rpartition("\n")[2]
    if text[i] not in ".．、" or not LABEL.fullmatch(line) or len(line.encode()) >= FARTHEST:
        return False
    return text[i] != "." or not is_letter(text, i - 1) or re.match(r"[*_)\]}\"']*[ \t\r]", text[i + 1 :])


def in_abbreviation(text, i):
    if text[i] != "." or not is_letter(text, i - 1):
        return False
    before = text[:i]
    word = before[len(before.rstrip(string.ascii_letters + ".")) :].lower()
    if word in ABBREVIATIONS:
        return True
    return is_letter(text, i + 1) and any(listed.startswith(word + ".") for listed in ABBREVIATIONS)


def escaped(text, i):
    before = text[:i]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def paragraphs(text):
    """(begin, end) of the stretches between blank lines."""
    bounds = [0, *(found.end() for found in BLANK_LINE.finditer(text)), len(text)]
    return list(pairwise(bounds))


def dollars(text):
    """(begin, close, end) of `$...$` and `$$...$$`: content is text[begin:close], the closing delimiter ends at end."""
    spans = []
    runs = [(run.start(), run.end()) for run in re.finditer(r"\$+", text)]
    runs = [(begin + escaped(text, begin), end) for begin, end in runs]
    for start, stop in paragraphs(text):
        here = [(begin, end) for begin, end in runs if start <= begin < stop and begin < end]
        doubles = [run for run in here if run[1] - run[0] == 2]
        for first, second in zip(doubles[::2], doubles[1::2], strict=False):
            spans.append((first[1], second[0], second[1]))
        opener = None
        for begin, end in here:
            if end - begin != 1:
                continue
            opens = is_text(text, end)
            closes = is_text(text, begin - 1) and not is_digit(text, end)
            if opener is not None and closes:
                spans.append((opener + 1, begin, end))
                opener = None
            elif opens:
                opener = begin
    return spans


def brackets(text, pair):
    r"""`\(...\)` or `\[...\]`."""
    spans = []
    for start, stop in paragraphs(text):
        opener = None
        for i in range(start, stop):
            if text[i] == pair[0] and escaped(text, i):
                opener = i
            elif text[i] == pair[1] and escaped(text, i):
                if opener is not None:
                    spans.append((opener + 1, i - 1, i + 1))
                opener = None
    return spans


def braces(text):
    """`{...}` on one line, by a stack."""
    spans, open_braces = [], []
    for i, char in enumerate(text):
        if char == "\n":
            open_braces = []
        elif char == "{" and not escaped(text, i):
            open_braces.append(i)
        elif char == "}" and not escaped(text, i) and open_braces:
            spans.append((open_braces.pop() + 1, i, i + 1))
    return spans


def code(text):
    """Fenced blocks, line by line; then spans of three and more backticks in what is left of the paragraphs."""
    spans, lines, at = [], [], 0
    for line in text.split("\n"):
        lines.append((at, line))
        at += len(line) + 1
    k, rest = 0, [0]
    while k < len(lines):
        begin, line = lines[k]
        opening = re.match(r"[ \t\r]*(?:(`{3,})[^`]*$|(~{3,}))", line)
        fence = opening and (opening[1] or opening[2])
        closing = fence and next(
            (n for n in range(k + 1, len(lines)) if re.fullmatch(closing_of(fence), lines[n][1])), None
        )
        if closing:
            spans.append(
                (begin + line.index(fence), lines[closing][0] + lines[closing][1].index(fence[0]), None)
            )
            rest += [begin, lines[closing][0] + len(lines[closing][1])]
            k = closing
        k += 1
    rest.append(len(text))
    for begin, end in zip(rest[::2], rest[1::2], strict=True):
        for start, stop in paragraphs(text):
            spans += ticks(text, max(start, begin), min(stop, end))
    return spans


def closing_of(fence):
    return rf"[ \t\r]*{fence[0]}{{{len(fence)},}}[ \t\r]*"


def ticks(text, start, stop):
    """Spans between two runs of backticks of one length."""
    runs, spans = [run for run in re.finditer(r"`{3,}", text) if start <= run.start() < stop], []
    while runs:
        first, *runs = runs
        second = next((run for run in runs if len(run[0]) == len(first[0])), None)
        if second:
            spans.append((first.end(), second.start(), second.end()))
            runs = runs[runs.index(second) + 1 :]
    return spans


def cut_tokens(text, config, tokenizer):
    """(token ids, which tokens end a segment)."""
    encoded = tokenizer(text, return_offsets_mapping=True, add_special_tokens=False)
    cuts = tokens_of(cut_characters(text, config), encoded["offset_mapping"])
    return encoded["input_ids"], cuts


def tokens_of(characters, offsets):
    """The tokens that hold the last bytes of characters: where one is spread over several, the last of them."""
    holder = {i: token for token, (begin, end) in enumerate(offsets) for i in range(begin, end)}
    return {holder[i] for i in characters}

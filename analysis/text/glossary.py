"""Words of a report that people outside the project may not know, each with one plain sentence, and their
occurrences in a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word, its meaning, and its other forms in texts."""

    name: str
    meaning: str
    forms: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """Return the anchor of its explanation on a page: `term-a-a-arm`."""
        return "term-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


TERMS = (
    Term("A/A arm", "The reference trained again with other seeds: any difference between the two is chance.", ("A/A",)),
    Term("active token", "A token whose advantage A is not zero. Only these can be clipped or change the policy.", ("A != 0",)),
    Term("advantage", "How much better than expected an answer was rewarded; its sign says whether its tokens become more or less likely."),
    Term("arm", "One setting of the study, trained under several seeds."),
    Term("avg@k", "The mean score over k sampled answers to a question, averaged over questions.", ("avg@1", "avg@4", "avg@8", "avg@16", "avg@32")),
    Term("cell", "A complete configuration, named by its hash. Arms that share a cell are the same setting."),
    Term("clip fraction", "The share of active tokens whose gradient the clip removed.", ("clip rate", "clipped share")),
    Term("collapsed", "Said of a run that diverged, or scored below the untrained base at the end.", ("collapse", "collapses")),
    Term("collateral", "Clipped tokens whose own ratio is inside the bound: they were clipped because of their neighbors."),
    Term("diverged", "Said of a run whose numbers stopped being finite, which ended its training."),
    Term("exploratory", "Not registered before the runs: its findings are suggestions that need a study of their own."),
    Term("extreme token", "A token whose own importance ratio left the range from 1/1.5 to 1.5 to the side that a clip can stop."),
    Term("expected best score", "The score to expect of the best of k tried points, by the fit, without the luck of single runs."),
    Term("gate", "A check that a study must pass before its comparisons mean anything."),
    Term("greedy", "Decoded by taking the most likely token each time: one answer per question."),
    Term("held out", "Not trained on.", ("held-out",)),
    Term("Holm", "A correction of p-values for several tests: all findings together are false in at most 5 % of studies.", ("Holm-adjusted", "Holm's")),
    Term("importance ratio", "How likely the current policy makes a token (or a segment) compared with the policy that sampled it."),
    Term("IQM", "Interquartile mean: the mean of the middle half of the runs, which one lucky or failed run does not move."),
    Term("last update", "The last optimizer step on a rollout, at which the policy is furthest from the one that sampled it."),
    Term("maj@k", "The share of questions whose most frequent answer of k samples is correct.", ("maj@4", "maj@8", "maj@16")),
    Term("matched", "With clip bounds tuned until a given share of active tokens is clipped, so that arms clip equally.", ("equal clipping",)),
    Term("pass@k", "The share of questions with a correct answer among k samples.", ("pass@4", "pass@8", "pass@16")),
    Term("pilot seed", "A seed on which points are chosen while tuning. It never returns among the runs that are compared.", ("pilot", "pilot run")),
    Term("plateau", "The part of an option's range around the chosen value where the score hardly changes."),
    Term("point", "A percentage point: from 60 % to 62 % is 2 points.", ("percent point",)),
    Term("post hoc", "Decided after the results were seen."),
    Term("preset", "A size of the study: smoke only checks that it runs, default has few seeds, paper has the seeds that its claims need."),
    Term("reference", "The arm that another arm is compared with."),
    Term("registered", "Fixed in a file before the first run: hypotheses, test, number of seeds."),
    Term("retained", "Said of extreme tokens that were not clipped."),
    Term("rollout", "A batch of answers sampled from the current policy, on which the next updates train."),
    Term("rollout 0", "The first rollout, sampled from the untrained base."),
    Term("seed", "The number that all random choices of a run start from. Runs of an arm differ in nothing else."),
    Term("smallest effect of interest", "The smallest difference that would matter, set before the runs."),
    Term("subsentence", "A clause: the part of a sentence between two marks of punctuation."),
    Term("tuning budget", "What tuning one arm may cost, in trials or hours; the same for every arm.", ("budget",)),
    Term("untrained base", "The model that every run started from."),
)  # fmt: skip
"""In index order."""
_FORMS = {form.casefold(): term for term in TERMS for form in (term.name, *term.forms)}
_WORDS = re.compile(
    r"(?<!\w)("
    + "|".join(re.escape(form) for form in sorted(_FORMS, key=len, reverse=True))
    + r")(s?)(?!\w)",
    re.IGNORECASE,
)


def parts(text: str) -> Iterator[tuple[str, Term | None]]:
    """Split the text into pieces, each with its term if it is the first occurrence of one; longer terms take
    precedence.
    """
    end, seen = 0, set()
    for match in _WORDS.finditer(text):
        term = _FORMS[match[1].casefold()]
        if term not in seen:
            seen.add(term)
            yield text[end : match.start()], None
            yield match[0], term
            end = match.end()
    yield text[end:], None


def terms_used(texts: Iterable[str]) -> dict[str, Term]:
    """Return the terms that occur in any of the texts, by name, in index order."""
    found = {term for text in texts for _, term in parts(text) if term is not None}
    return {term.name: term for term in TERMS if term in found}

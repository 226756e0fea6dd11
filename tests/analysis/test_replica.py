"""The bench's replica of the rules gives what the rules give, study by study."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.statistics import named_rng, paired_t, welch
from analysis.statistics.common_spread import careful_welch
from analysis.statistics.families import could_be_best, holm_family
from analysis.statistics.intervals import t_quantile
from analysis.statistics.judgment import judge_means
from analysis.statistics.sign_flips import sign_flip_p
from tests.bench.error_rates import claims, replica
from tests.bench.error_rates.worlds import ARMS, WORLDS

ALPHA, STUDIES = 0.05, 10
WITH_COLLAPSES = [world for world in WORLDS if any(world.collapses)]


def tables(runs: int) -> np.ndarray:
    """arm_SAR of ten studies of every world, with effects: much is found and much is not."""
    drawn = []
    for world in WORLDS:
        rng = named_rng("replica", world.name, runs)
        effects = rng.normal(size=(STUDIES, ARMS, 1)) * rng.choice([0, 1, 4], size=(STUDIES, 1, 1)) * world.sd
        drawn.append(world.draw(rng, STUDIES, runs, shared=runs % 2 == 0) + effects)
    return np.concatenate(drawn)


@pytest.mark.parametrize("runs", [4, 5, 8])
@pytest.mark.parametrize("collapses", [False, True])
def test_p_intervals_and_bold_are_those_of_the_rules(runs: int, collapses: bool) -> None:
    arm_SAR = tables(runs)
    fallen_S = np.full(len(arm_SAR), collapses)
    first, second = np.arange(1, ARMS), np.zeros(ARMS - 1, dtype=int)
    found = replica.careful_pairs(arm_SAR, first, second, fallen_S)
    p_SA = replica.p_of(found)
    holm_SA, level_SA = replica.holm(p_SA), replica.holm_levels(p_SA, ALPHA)
    all_pairs = replica.careful_pairs(arm_SAR, *replica.pairs(ARMS), fallen_S)
    below_SA = replica.below(found, ALPHA)
    bold_SA = replica.could_be_best(arm_SAR, replica.p_of(all_pairs), below_SA, ALPHA)
    for s, arms in enumerate(arm_SAR.tolist()):
        real = [careful_welch(arms, i, 0) if collapses else welch(arms[i], arms[0]) for i in range(1, ARMS)]
        adjusted = [a for a in holm_family(real) if a is not None]
        assert [c.p for c in real] == pytest.approx(p_SA[s], rel=1e-10, abs=1e-12)
        assert [a.p for a in adjusted] == pytest.approx(holm_SA[s], rel=1e-10, abs=1e-12)
        assert [1 - a.level for a in adjusted] == pytest.approx(level_SA[s], abs=1e-12)
        assert [a.low > 0 or a.high < 0 for a in adjusted] == (p_SA[s] < level_SA[s]).tolist()
        assert [a.low > 0 or a.high < 0 for a in adjusted] == [a.p < ALPHA for a in adjusted]
        lower = {
            i if c.difference < 0 else 0
            for i, (c, a) in enumerate(zip(real, adjusted, strict=True), 1)
            if a.p < ALPHA
        }
        bold = could_be_best(arms, [i in lower for i in range(ARMS)], ALPHA, collapses=collapses)
        assert bold == bold_SA[s].tolist()
        means = [float(np.mean(arm)) for arm in arms]
        assert not any(
            means[i] < means[j] for i in range(ARMS) if bold[i] for j in range(ARMS) if not bold[j]
        )
    assert 0.2 < (holm_SA < ALPHA).any(axis=1).mean() < 0.9
    assert 0.1 < (~bold_SA).any(axis=1).mean() < 0.9


def test_paired_p_are_those_of_paired_t() -> None:
    arm_SAR = tables(5)
    p_SA = replica.p_of(replica.paired_against_baseline(arm_SAR))
    real = [[paired_t(arm, arms[0]).p for arm in arms[1:]] for arms in arm_SAR.tolist()]
    assert np.array(real) == pytest.approx(p_SA, rel=1e-10, abs=1e-12)


def test_sign_flips_are_those_of_the_rule_exactly_and_screening_changes_no_finding() -> None:
    arm_SAR = tables(8)
    difference_SAR = arm_SAR[:, 1:] - arm_SAR[:, :1]
    p_SA = replica.sign_flip_p(difference_SAR)
    assert p_SA.tolist() == [sign_flip_p(d, named_rng("none")).tolist() for d in difference_SAR]
    many = tables(13)[::4]
    many = many[:, 1:] - many[:, :1]
    exact = np.array([sign_flip_p(d, named_rng("none")) for d in many])
    assert ((replica.sign_flip_p(many, named_rng("screen")) < ALPHA) == (exact < ALPHA)).all()
    assert 0.2 < (exact < ALPHA).any(axis=1).mean() < 0.9


@pytest.mark.parametrize("shape", claims.SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize("is_paired", [False, True])
def test_words_are_those_of_the_rules(shape: claims.Shape, is_paired: bool) -> None:
    for world in claims.WORLDS:
        rng = named_rng("replica of words", world, shape.name)
        value, fallen = claims.draw(world, rng, 40, 6, shared=is_paired)
        value += rng.normal(size=(40, claims.ARMS, 1)) * rng.choice([0, 2], size=(40, 1, 1))
        truth = rng.choice([-4.0, 0.0, 0.5, 1.0, 4.0], size=40)
        judged = claims.judge(value, shape, is_paired, fallen)
        for alpha in (0.05, 0.05 / 7):
            said = judged.words(judged.tails(truth), alpha)
            for s in range(len(value)):
                moved = value[s] + truth[s] * (shape.weights > 0).any(axis=0)[:, None]
                real = judge_means(
                    list(moved), shape.weights, 1.0, alpha, paired=is_paired, collapses=bool(fallen[s])
                )
                assert real.word == said[s]
                if judged.differ_p is not None:
                    assert real.differ_p == pytest.approx(judged.differ_p[s], rel=1e-9, abs=1e-12)


def test_an_interval_at_a_level_is_what_the_replica_takes_it_for() -> None:
    """low > bound where the one-sided p of the bound is below half of alpha."""
    groups = named_rng("ends").normal(size=(2, 6))
    found = judge_means(list(groups), np.array([[1.0, -1.0]]), 1.0, 0.01).pooled
    assert found.low == pytest.approx(found.difference - t_quantile(found.df, 0.99) * found.error)

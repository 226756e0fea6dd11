"""Groups of tokens by entropy: which token is in which group, their controls, and all that must not assume neighbors."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import strategies as st

from sspo.compose.fast import quick_compose
from sspo.config import SegmentationConfig
from sspo.config.validation import check_segmentation
from sspo.errors import UserError
from sspo.objective.context import whole_batch
from sspo.objective.loss import policy_loss
from sspo.objective.variants import VARIANTS
from sspo.recording.file import read_recorded, to_bytes
from sspo.replay.__main__ import main as replay
from sspo.replay.evaluate import segment_ids
from sspo.replay.source import open_run
from sspo.runs.identity import cell_hash
from sspo.segmentation import segment
from sspo.trainer.rollout_metrics import _segments
from tests.bench.synthetic_recording import write_run
from tests.laws import law
from tests.objective.ragged import ragged_rows, tensors
from tests.recording.examples import recorded_rollout

ENTROPIES = st.lists(
    st.lists(st.integers(0, 6).map(lambda i: i / 4), min_size=0, max_size=12), min_size=1, max_size=4
)
"""Few values, so that many are equal."""


def grouped(rows, **options):
    """Ids on the mask, one list per row; token ids are positions."""
    width = max(1, *map(len, rows))
    entropy_BT = torch.tensor([[*row, *[9.0] * (width - len(row))] for row in rows])
    mask_BT = torch.arange(width) < torch.tensor([len(row) for row in rows])[:, None]
    config = SegmentationConfig(**{"rule": "entropy_group"} | options)
    found = segment(torch.arange(width).expand_as(mask_BT), mask_BT, config, None, entropy_BT, seed=3)
    assert (found[~mask_BT] == -1).all()
    return [ids[: len(row)] for ids, row in zip(found.tolist(), rows, strict=True)]


def by_hand(rows, share, over):
    """The rule, a token at a time."""
    groups = []
    for row in rows:
        pool = sorted(row if over == "response" else [h for other in rows for h in other])
        below = min(math.ceil(len(pool) * (1 - share) - 1e-9), len(pool) - 1)
        high = [h > pool[max(below, 1) - 1] for h in row]
        groups.append([int(flag and not all(high)) for flag in high])
    return groups


@law(
    30,
    400,
    rows=ENTROPIES,
    share=st.sampled_from([0.05, 0.2, 0.5, 0.9]),
    over=st.sampled_from(["response", "rollout"]),
)
def test_groups_are_those_of_a_plain_loop(rows, share, over):
    assert grouped(rows, entropy_share=share, entropy_over=over) == by_hand(rows, share, over)


def test_groups_by_hand():
    rows = [[0.1, 0.9, 0.2, 0.3, 0.4], [2.0, 2.0, 2.0], [1.0, 3.0], [5.0], [4.0, 1, 4, 1, 1]]
    assert grouped(rows) == [[0, 1, 0, 0, 0], [0, 0, 0], [0, 1], [0], [0, 0, 0, 0, 0]]
    # two equal entropies are more than a fifth of five, and not more than two fifths
    assert grouped(rows[4:], entropy_share=0.4) == [[1, 0, 1, 0, 0]]
    # over the rollout, of 16 entropies the highest three; one token that is high is its response's only group
    assert grouped(rows, entropy_over="rollout") == [[0] * 5, [0] * 3, [0, 0], [0], [1, 0, 1, 0, 0]]


@law(20, 200, rows=ENTROPIES)
def test_controls_keep_the_sizes_of_groups_or_their_count(rows):
    named = grouped(rows, entropy_share=0.4)
    shuffled = grouped(rows, rule="random", random_like="entropy_group", entropy_share=0.4)
    even = grouped(rows, rule="fixed", fixed_like="entropy_group", entropy_share=0.4)
    for ids, drawn, cut in zip(named, shuffled, even, strict=True):
        assert sorted(ids) == sorted(drawn)
        assert cut == sorted(cut)
        assert set(cut) == set(ids)
    alone = grouped(rows[-1:], rule="random", random_like="entropy_group", entropy_share=0.4)
    assert alone == shuffled[-1:]  # a draw depends on no other row


def test_random_groups_are_not_the_groups():
    row = [float(i % 5 == 2) for i in range(200)]
    (named,), (shuffled,) = grouped([row]), grouped([row], rule="random", random_like="entropy_group")
    both = sum(a and b for a, b in zip(named, shuffled, strict=True))
    assert sum(named) == sum(shuffled) == 40
    assert 1 <= both <= 20  # 8 are expected of a draw without regard to entropy


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"entropy_share": 0.0}, "entropy_share must be above 0 and below 1, got 0.0"),
        ({"entropy_over": "rollouts"}, "did you mean 'rollout'"),
        ({"rule": "entropy_group", "min_tokens": 2}, "min_tokens has no meaning for rule 'entropy_group'"),
        (
            {"rule": "random", "random_like": "entropy_group", "max_tokens": 9},
            "max_tokens has no meaning for rule 'entropy_group'",
        ),
        ({"rule": "entropy_groups"}, "did you mean 'entropy_group'"),
        ({"roles": ("User", " Tool")}, "roles must name words of at most 32 bytes without blanks"),
        ({"roles": ("User:",)}, "without line breaks, colons or asterisks"),
        ({"roles": ("User", "User")}, "roles must name different words"),
    ],
)
def test_options_without_meaning_are_refused_in_one_sentence(options, wanted):
    with pytest.raises(UserError, match=wanted):
        check_segmentation(SegmentationConfig(**options))
    check_segmentation(SegmentationConfig(rule="line", random_like="entropy_group", min_tokens=2))


def loss_of(columns, objective):
    logp, old, advantage, mask, ids, entropy = columns
    logp = logp.clone().requires_grad_()
    context = whole_batch(mask, ids, entropy, objective, group=1, vocabulary=50)
    out = policy_loss(logp, old, advantage, mask, ids, entropy, objective, context=context)
    out.loss.backward()
    metrics = {key: metric.value() for key, metric in out.metrics.items()}
    return out.loss.item(), logp.grad, metrics


@law(
    10,
    200,
    rows=ragged_rows(),
    name=st.sampled_from(["espo", "sspo_rank", "sspo_linear", "lpo"]),
    aggregation=st.sampled_from(["segment_mean", "token_mean"]),
    seed=st.integers(0, 99),
)
def test_loss_gradient_and_metrics_know_groups_and_not_places(rows, name, aggregation, seed):
    """Tokens in another order, with everything that belongs to them, have the same loss, so segments need no neighbors."""
    objective = replace(VARIANTS[name], aggregation=aggregation)
    columns = tensors(rows)
    mask = columns[3]
    order = torch.rand(mask.shape, generator=torch.Generator().manual_seed(seed)).masked_fill(~mask, 2.0)
    order = order.argsort(1)  # of each row's own tokens; padding stays last
    moved = tuple(column.gather(1, order) for column in columns)
    loss, grad, metrics = loss_of(columns, objective)
    moved_loss, moved_grad, moved_metrics = loss_of(moved, objective)
    assert moved_loss == pytest.approx(loss, abs=1e-12)
    torch.testing.assert_close(moved_grad, grad.gather(1, order))
    assert moved_metrics == pytest.approx(metrics, nan_ok=True)


def test_the_loss_of_groups_is_that_of_a_plain_loop():
    objective = replace(VARIANTS["sspo"], aggregation="segment_mean")
    low, high = objective.clip.low, objective.clip.high
    ids = [[0, 1, 0, 0, 1], [1, 0, 2, 0, 1]]
    d = [[0.01, 0.3, -0.02, 0.0, 0.1], [-0.2, 0.01, 0.005, -0.01, -0.1]]
    advantage = [1.5, -0.5]
    total = 0.0
    for row, row_d, a in zip(ids, d, advantage, strict=True):
        terms = []
        for s in range(max(row) + 1):
            members = [x for x, of in zip(row_d, row, strict=True) if of == s]
            ratio = math.exp(sum(members) / len(members))
            terms.append(min(ratio * a, min(max(ratio, 1 - low), 1 + high) * a))
        total += sum(terms) / len(terms)
    d_BT = torch.tensor(d, dtype=torch.float64)
    out = policy_loss(
        d_BT - 1,
        -torch.ones_like(d_BT),
        torch.tensor(advantage, dtype=torch.float64)[:, None],
        d_BT < 9,
        torch.tensor(ids),
        torch.ones_like(d_BT),
        objective,
    )
    assert out.loss.item() == pytest.approx(-total / 2)


def with_groups(seed=0):
    recorded = recorded_rollout(seed)
    batch = recorded.batch
    ids = torch.arange(batch.mask_BT.shape[1]) * 7 % 3 % batch.mask_BT.sum(1, keepdim=True).clamp(max=3)
    return replace(recorded, batch=replace(batch, segment_id_BT=ids.where(batch.mask_BT, -1)))


def test_segment_metrics_of_a_rollout_count_groups():
    batch = with_groups().batch
    lists = [
        (ids[ids >= 0].tolist(), h.tolist())
        for ids, h in zip(batch.segment_id_BT, batch.entropy_BT, strict=True)
    ]
    means = [
        sum(x for x, of in zip(h, ids, strict=False) if of == s) / ids.count(s)
        for ids, h in lists
        for s in sorted(set(ids))
    ]
    metrics = {key: metric.value() for key, metric in _segments(batch).items()}
    assert metrics["rollout/segments_per_response"] == pytest.approx(len(means) / len(lists))
    assert metrics["rollout/entropy_segment"] == pytest.approx(sum(means) / len(means))


def test_a_recording_keeps_ids_that_are_not_those_of_cuts(tmp_path):
    path = tmp_path / "rollout000004.parquet"
    before = with_groups()
    path.write_bytes(to_bytes(before))
    after = read_recorded(path)
    assert after.batch.segment_id_BT.tolist() == before.batch.segment_id_BT.tolist()
    other = replace(before, batch=replace(before.batch, segment_id_BT=before.batch.mask_BT.long() - 1))
    assert b"segment" in to_bytes(before)
    assert b"segment" not in to_bytes(other)  # ids of cuts need no column: recordings are as they were


def test_a_replay_makes_the_groups_of_the_run_again(tmp_path):
    words = ("segmentation=entropy_group", "segmentation.entropy_over=rollout", "objective=sspo")
    size = {"rollouts": 2, "prompts": 4, "responses": 4, "tokens": 16}
    run = open_run(write_run(tmp_path / "seed0", *words, **size))
    for path in run.files:
        recorded = run.read(path)
        found = segment_ids(run, recorded, run.config.segmentation)
        assert found.tolist() == recorded.batch.segment_id_BT.tolist()
        assert (found.diff(dim=1) < 0).any()
    assert replay([str(run.folder), "--out", str(tmp_path / "out")]) == 0
    (described,) = json.loads((tmp_path / "out" / "replay.json").read_text())["runs"]
    assert described["largest_difference"] == 0


def test_later_options_at_their_defaults_leave_a_cell_its_name():
    plain = cell_hash(quick_compose(["segmentation=line"]))
    assert plain == cell_hash(quick_compose(["segmentation=line", "segmentation.entropy_share=0.2"]))
    reordered = "segmentation.roles=[Observation,Tool,System,Human,Assistant,User]"
    assert plain == cell_hash(quick_compose(["segmentation=line", reordered]))
    assert plain != cell_hash(quick_compose(["segmentation=line", "segmentation.roles=[User]"]))

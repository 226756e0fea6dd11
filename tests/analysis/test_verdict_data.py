"""verdicts.csv and gates.csv, and what `verify` says of a changed file of claims."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from synthetic_store import ARMS, Scale, write_study

from analysis import report
from analysis.claims.files import claim_files
from analysis.claims.record import changed_claims
from analysis.evidence.evidence import Evidence
from analysis.logs.compact import read_logs
from analysis.verify import verify
from analysis.verify.why import why

CLAIMS = """title: Mine
claims:
  H1:
    says: Training without a clip scores lower.
    measure: score
    arms: {role: no_clip}
    against: {level: [token]}
    direction: lower
    smallest_effect: 0.2
  H2:
    says: A response-level ratio clips almost nothing.
    measure: policy/clip_frac_active
    arms: {level: [response]}
    bound: 0.01
    direction: lower
    smallest_effect: 0.005
  H3: {says: Nothing has this., measure: policy/grad_noise, arms: {level: [token]}, bound: 1.0, smallest_effect: 0.1}
"""


def claims_of(place: Path, patch: pytest.MonkeyPatch) -> Path:
    """The one file of claims that there is from now on."""
    path = place / "claims" / "mine.yaml"
    patch.setattr(verify, "claim_files", lambda: claim_files(path.parent))
    for module in (report, verify):
        patch.setattr(module, "judged_files", lambda manifest: claim_files(path.parent))
    return path


@pytest.fixture(scope="module")
def written(undrawn: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with claims, runs and the report on both."""
    place = tmp_path_factory.mktemp("written")
    few = [arm for arm in ARMS if arm.name in ("base", "no_clip", "grpo", "gspo")]
    write_study(place / "runs", few, Scale(seeds=4, rollouts=2))
    with pytest.MonkeyPatch.context() as patch:
        path = claims_of(place, patch)
        path.parent.mkdir()
        path.write_text(CLAIMS)
        report.write_report("toy", "paper", place / "runs", place / "reports")
    return place


@pytest.fixture
def claims(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(written / "claims", tmp_path / "claims")
    return claims_of(tmp_path, monkeypatch)


@pytest.fixture
def out(written: Path, claims: Path, tmp_path: Path) -> Path:
    """The report, beside claims of the test's own."""
    shutil.copytree(written / "reports", tmp_path / "reports")
    return tmp_path / "reports"


def recorded_claims(out: Path) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((out / "toy" / "provenance.json").read_text())["claims"]
    return recorded


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open()))


def test_the_files_hold_the_numbers_that_the_tests_gave(out: Path) -> None:
    evidence = Evidence(read_logs(out / "toy" / "logs"))
    mine, theirs = (
        list(evidence.of_arm(evidence.primary, evidence.study.arm(n)).values()) for n in ("no_clip", "grpo")
    )
    # two claims can be tested: each has .05 / 2
    expected = stats.ttest_ind(theirs, mine, equal_var=False).confidence_interval(0.975)
    first, pair, second, bound, third, untested = rows(out / "toy" / "verdicts.csv")
    assert (first["claim"], first["verdict"], first["comparisons"]) == ("H1", "supported", "1")
    assert (pair["arm"], pair["against"], pair["verdict"]) == ("no_clip", "grpo", "")
    assert first["statement"] == "Training without a clip scores lower."
    for row in (first, pair):
        assert (float(row["low"]), float(row["high"])) == pytest.approx(
            (100 * expected.low, 100 * expected.high)
        )
        assert (row["unit"], row["smallest_effect"], row["n"]) == ("points", "20.0", "4")
    assert (second["verdict"], float(second["effect"]) < 0) == ("refuted", True)
    assert (bound["arm"], bound["against"]) == ("gspo", "")
    assert (third["verdict"], third["effect"], untested["effect"]) == ("not testable", "", "")
    assert "not logged in training" in third["reason"]
    gates = rows(out / "toy" / "gates.csv")
    assert [gates[0]["gate"], gates[0]["verdict"]] == ["untrained base has room", "pass"]
    assert len(gates) == 9


def test_a_verdict_says_which_claims_and_which_runs_it_rests_on(out: Path, claims: Path) -> None:
    digest = hashlib.sha256(claims.read_bytes()).hexdigest()
    content = json.loads((out / "toy" / "provenance.json").read_text())
    assert content["claims"]["mine.yaml"]["sha256"] == digest
    said = why("toy", "verdicts[H1: no_clip against grpo,effect]", "paper", out)
    assert f"H1 of mine.yaml (sha256 {digest[:12]}): score of no_clip and grpo" in said
    assert "the error rate is shared by all claims that could be tested" in said
    assert digest[:12] in why("toy", "verdicts", "paper", out)


def test_a_changed_claim_names_its_verdicts_and_those_adjusted_with_them(
    out: Path, claims: Path, tmp_path: Path
) -> None:
    assert not list(changed_claims(recorded_claims(out), [claims]))
    claims.write_text(CLAIMS.replace("smallest_effect: 0.2", "smallest_effect: 0.9"))
    found = verify.verify("toy", "paper", tmp_path / "none", out)
    assert not found.intact
    assert found.lines[0] == "conf/claims/mine.yaml has changed: H1"
    touched, adjusted = found.lines[1:3]
    assert "verdicts[H1,verdict]" in touched
    assert "verdicts[H1: no_clip against grpo,effect]" in touched
    assert "H2" not in touched
    assert "verdicts[H2,effect]" in adjusted
    assert any(
        line.startswith("verdicts.csv differs from what the logs give now (claims have")
        for line in found.lines
    )


@pytest.mark.usefixtures("unremade")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CLAIMS + "# a remark\n", "conf/claims/mine.yaml has changed, but none of its claims"),
        (
            "claims: 3",
            "conf/claims/mine.yaml has changed and cannot be read: mine.yaml: claims must name",
        ),
        (None, "conf/claims/mine.yaml is gone"),
    ],
)
def test_other_changes_of_the_file_are_named_too(
    out: Path, claims: Path, tmp_path: Path, text: str | None, says: str
) -> None:
    if text is None:
        claims.unlink()
    else:
        claims.write_text(text)
    found = verify.verify("toy", "paper", tmp_path / "none", out)
    assert not found.intact
    assert found.lines[0].startswith(says)

"""Where the numbers of a report come from."""

from __future__ import annotations

import hashlib
import json

from analysis import replay_captions
from analysis.captions import code_versions
from analysis.replay import Replay
from analysis.results import Evidence


def provenance(evidence: Evidence, replay: Replay | None = None) -> list[tuple[str, str]]:
    """Facts in order: what ran, on which base, with which versions, the hashes to check it by, and what was replayed."""
    manifest, runs = evidence.logs.manifest, evidence.runs
    seconds = runs["seconds"].dropna().astype("float64")
    return [
        ("study and preset", f"{evidence.study.name}, {evidence.study.preset}"),
        *[
            ("imported from", f"{source['file']}, {source['bytes']} bytes, sha256 {source['sha256']}")
            for source in manifest.get("imported", {}).get("sources", ())
        ],
        ("spec sha256", str(manifest.get("spec_sha256", "not recorded"))),
        ("manifest sha256", manifest_sha256(evidence)),
        ("code (revision/hash)", ", ".join(code_versions(evidence)) or "not recorded"),
        ("base model", ", ".join(sorted({str(b) for b in runs["base"].dropna()})) or "not recorded"),
        ("versions", _versions(evidence) or "not recorded"),
        ("compute", f"{seconds.sum() / 3600:.1f} hours over {len(seconds)} finished runs"),
        ("compact logs", "logs/: the same report is made from them alone"),
        *([replay_captions.provenance(replay)] if replay else []),
    ]


def manifest_sha256(evidence: Evidence) -> str:
    """Hash of the manifest's content, whatever its layout."""
    text = json.dumps(evidence.logs.manifest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _versions(evidence: Evidence) -> str:
    seen: dict[str, set[str]] = {}
    for record in evidence.logs.runs:
        for name, version in record["versions"].items():
            seen.setdefault(str(name), set()).add(str(version))
    return ", ".join(f"{name} {' and '.join(sorted(versions))}" for name, versions in sorted(seen.items()))

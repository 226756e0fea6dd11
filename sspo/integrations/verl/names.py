"""Names that both sides of verl's job use. Imports nothing of verl's."""

from __future__ import annotations

NAME = "sspo"
"""Our trainer, policy loss and agent loop in verl's registries, and our section of its configuration."""
VERSION = "0.9.1"
"""The version of verl whose extension points these are."""
PLUGIN = "sspo.integrations.verl.plugin"
"""The module that verl imports."""
JOB, TRAIN, CURVE, LAST = "job.json", "train.parquet", "curve.parquet", "last.parquet"
"""Files of a trial's job: its configuration, the training rows, and the held-out rows of a point of the curve and of the last step."""
OUTCOME = "outcome.json"
"""What a job says of its own end."""
FAILED_ANSWER = "failed_answer.txt"
"""Why the last answer that failed could not be sampled or scored."""
MODULES = "VERL_USE_EXTERNAL_MODULES"
"""The variable that names the modules that verl imports."""

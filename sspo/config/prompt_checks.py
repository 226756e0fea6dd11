"""The existing prompt templates, and template files: checked before a tokenizer is loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sspo.config.schema import TEMPLATE_NAMES, PromptConfig
from sspo.errors import UserError, unknown

ENDINGS = (".j2", ".jinja", ".jinja2")
MOST_BYTES = 100_000
DIGITS = 12


def is_own_template(name: str) -> bool:
    """Return whether a template is a user's own file."""
    return name.endswith(ENDINGS)


def own_text(path: str) -> str:
    """Return the content of such a file. Raises UserError if it cannot be read, or is too large for a prompt."""
    try:
        content = Path(path).expanduser().read_bytes()
        text = content.decode()
    except RuntimeError as error:  # the home folder of an unknown user
        raise UserError(f"prompt.template={path} cannot be read: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"prompt.template={path} cannot be read: {reason}") from error
    if len(content) > MOST_BYTES:
        raise UserError(
            f"prompt.template={path} has {len(content)} bytes; a template has at most {MOST_BYTES}"
        )
    return text


def check_prompt(config: PromptConfig) -> None:
    """Raise UserError for a template that does not exist, and for options that it does not read."""
    if is_own_template(config.template):
        own_text(config.template)
    elif config.template not in TEMPLATE_NAMES:
        raise unknown("prompt.template", config.template, (*TEMPLATE_NAMES, "a Jinja2 file that ends in .j2"))
    if config.system and config.template != "chat":
        raise UserError(
            f"prompt.system is read only by prompt.template=chat, got it with {config.template}; write the words into a Jinja2 file"
        )


def prompt_identity(config: PromptConfig, chat_template: bytes) -> dict[str, str]:
    """Return the prompt's part of a cell's name: a file by its content, and the model's chat template by its own."""
    if is_own_template(config.template):
        return {"template": f"file {_digest(own_text(config.template).encode())}"}
    identity = {"template": config.template}
    if config.template == "chat":
        identity |= {"system": config.system, "read": _digest(chat_template)}
    return identity


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]

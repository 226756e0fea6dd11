"""A GRPO script of TRL in which two names are ours: `python examples/sspo_in_trl.py` trains for seconds on a CPU."""

from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from sspo.integrations.trl import SSPOConfig, SSPOTrainer  # were: GRPOConfig, GRPOTrainer
from sspo.models.folder import model_folder

model = str(model_folder("embedded"))  # any Hugging Face name or folder; this one comes with sspo
sums = [(a, b, c) for a in range(10) for b in range(10) for c in range(10)]
rows = [{"prompt": f"<bos> {a} + {b} + {c} ?", "digit": str((a + b + c) % 10)} for a, b, c in sums]


def right(completions: list[str], digit: list[str], **_: object) -> list[float]:
    """Return 1 for each completion that ends with the last digit of its sum."""
    return [float(f"answer {one} ." in text) for text, one in zip(completions, digit, strict=True)]


args = SSPOConfig(
    objective="sspo",
    segmentation="subsentence",
    overrides=["objective.clip.high=0.1"],
    run_folder="trl_run",  # for reports, comparisons and replay
    output_dir="checkpoints",
    num_generations=8,
    per_device_train_batch_size=16,
    steps_per_generation=4,  # 64 completions, trained on in four optimizer steps
    max_completion_length=64,
    max_steps=8,
    learning_rate=2e-4,
    logging_steps=1,
    save_strategy="no",
    bf16=False,
)
trainer = SSPOTrainer(
    model=model,
    args=args,
    reward_funcs=right,
    train_dataset=Dataset.from_list(rows),
    processing_class=PreTrainedTokenizerFast.from_pretrained(model),
)
trainer.train()

"""TRL's GRPOTrainer on the workload of `make bench-trainer`, in the environment of test-oracles."""

from __future__ import annotations

from pathlib import Path

import torch
from datasets import Dataset
from transformers import TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from tests.bench import trainer_workload as work


def run(folder: Path, cycles: int, turns: work.Turns) -> None:
    threads = torch.get_num_threads()
    taken: dict[str, work.Seconds] = {}

    class Timed(GRPOTrainer):
        def _generate_and_score_completions(self, inputs):
            begun = work.now()
            scored = super()._generate_and_score_completions(inputs)
            taken["generation"] = work.since(begun)
            return scored

    class Cycles(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            if state.global_step % work.UPDATES == 0:
                turns.wait()

        def on_step_end(self, args, state, control, **_):
            if state.global_step % work.UPDATES == 0:
                turns.say(taken["generation"])

    options = GRPOConfig(
        output_dir=str(folder.parent / "trl"), use_cpu=True, bf16=False, seed=0, report_to=[], save_strategy="no", disable_tqdm=True,
        logging_steps=1, max_steps=work.UPDATES * cycles, learning_rate=work.LEARNING_RATE, lr_scheduler_type="constant",
        max_grad_norm=1.0, per_device_train_batch_size=work.MINIBATCH, gradient_accumulation_steps=1,
        steps_per_generation=work.UPDATES // work.EPOCHS, num_iterations=work.EPOCHS, num_generations=work.RESPONSES,
        max_completion_length=work.TOKENS, temperature=1.0, top_p=1.0, top_k=0, generation_kwargs={"min_new_tokens": work.TOKENS},
        beta=0.0, epsilon=0.2, epsilon_high=0.2, importance_sampling_level="token", loss_type="grpo", scale_rewards="group",
        gradient_checkpointing=False, dataloader_num_workers=0, model_init_kwargs={"dtype": "float32"},
    )  # fmt: skip
    trainer = Timed(
        model=str(folder),
        args=options,
        train_dataset=Dataset.from_list([{"prompt": text} for text in work.prompts()] * (cycles + 1)),
        callbacks=[Cycles()],
        reward_funcs=lambda completions, **_: [work.reward(text) for text in completions],
    )
    torch.set_num_threads(threads)  # which accelerate has set
    trainer.train()


if __name__ == "__main__":
    work.worker(run)

"""How vLLM on a CPU takes verl's weights: `engine_kwargs.vllm.worker_extension_cls=tests.verl.cpu_weights.CpuWorkerExtension`."""

import torch
from verl.workers.rollout.vllm_rollout.bucketed_weight_transfer import BucketedWeightReceiver
from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension


class CpuWorkerExtension(vLLMColocateWorkerExtension):
    """verl's extension of vLLM's worker, whose layers vLLM packed for the CPU: they are loaded again as wholes."""

    def update_weights_from_ipc(
        self, peft_config: dict | None = None, base_sync_done: bool = False, use_shm: bool = False
    ) -> None:
        """Collect verl's buckets, and load the model again from all of them."""
        weights: dict[str, torch.Tensor] = {}

        def collect(bucket: list[tuple[str, torch.Tensor]], is_last: bool) -> None:
            # a bucket's memory is used again for the next one
            weights.update((name, tensor.clone()) for name, tensor in bucket)

        receiver = BucketedWeightReceiver(self._get_zmq_handle(), torch.device("cpu"), use_shm=use_shm)
        receiver.receive_weights(on_bucket_received=collect)
        self.model_runner.reload_weights(weights_iterator=iter(weights.items()))
        self._pack_tied_head()

    def _pack_tied_head(self) -> None:
        """Pack a tied head again: vLLM's loader passes over it, and it would keep a copy of the weights before."""
        model = self.model_runner.get_model()
        if model.config.tie_word_embeddings:
            head = model.lm_head.tie_weights(model.model.embed_tokens)
            head.quant_method.process_weights_after_loading(head)

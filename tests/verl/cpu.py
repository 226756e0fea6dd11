"""What a job of verl needs on a machine without a GPU: variables of its environment, and verl's own options."""

from __future__ import annotations

VARIABLES = {
    "VERL_USE_EXTERNAL_MODULES": "tests.verl.cpu_platform,tests.verl.watched",
    "VERL_PLATFORM": "cpu",
    "VERL_ENGINE_DEVICE": "cuda",  # the engine that is registered for it runs on any device
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "GLOO_SOCKET_IFNAME": "lo",
}
ENGINE = "actor_rollout_ref.rollout"
OVERRIDES = [
    "+ray_kwargs.ray_init.num_gpus=1",  # a logical one: verl places its workers by it
    "ray_kwargs.ray_init.num_cpus=16",
    "+ray_kwargs.ray_init.include_dashboard=False",
    "+ray_kwargs.ray_init.object_store_memory=500000000",
    f"+{ENGINE}.engine_kwargs.vllm.worker_extension_cls=tests.verl.cpu_weights.CpuWorkerExtension",
    f"{ENGINE}.gpu_memory_utilization=0.2",
    f"{ENGINE}.max_num_seqs=32",
    f"{ENGINE}.checkpoint_engine.update_weights_bucket_megabytes=32",
]

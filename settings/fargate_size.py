"""The task sizes that Fargate offers.

Source: Amazon ECS developer guide, "Troubleshoot Amazon ECS task definition invalid CPU or memory
errors" (task-cpu-memory-error.html), and for 32 vCPU the table of cfn-lint 1.58
(fargate_cpu_memory.json).
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator

from .problems import UnfitError

_MEMORY_BY_CPU: dict[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
    32768: (61440, 122880, 249856),
}
_MOST_LISTED = 5


def _task_cpu(value: object) -> int:
    text = str(value)
    if text not in map(str, _MEMORY_BY_CPU):
        raise UnfitError(f"expected one of {', '.join(map(str, _MEMORY_BY_CPU))} (CPU units)")
    return int(text)


def _task_memory(value: object) -> int:
    text = str(value)
    known = {str(memory) for sizes in _MEMORY_BY_CPU.values() for memory in sizes}
    if text not in known:
        raise UnfitError("expected a memory size of Fargate in MiB, such as 512, 1024 or 2048")
    return int(text)


def require_fargate_size(cpu: int, memory: int) -> None:
    """Raise `UnfitError` unless Fargate offers this memory with this CPU."""
    sizes = _MEMORY_BY_CPU[cpu]
    if memory in sizes:
        return
    if isinstance(sizes, range) and len(sizes) > _MOST_LISTED:
        choice = f"{sizes[0]} to {sizes[-1]} in steps of {sizes.step}"
    else:
        choice = f"one of {', '.join(map(str, sizes))}"
    raise UnfitError(f'expected {choice} (MiB) with task_cpu="{cpu}"')


TaskCpu = Annotated[int, BeforeValidator(_task_cpu)]
TaskMemory = Annotated[int, BeforeValidator(_task_memory)]

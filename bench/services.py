"""How long synthesis takes for 1, 5, 20 and 50 services on one core."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rehearsal.sample_settings import ROOT, sample_env

COUNTS = (1, 5, 20, 50)
ROUNDS = 3


def main() -> None:
    """Print the median time of ``python app.py`` for each count, and its ratio to one service.

    The counts take turns, so that a busy moment of the machine does not fall on one of them.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_env_files(folder, max(COUNTS))
        seconds: dict[int, list[float]] = {count: [] for count in COUNTS}
        for round_ in range(ROUNDS + 1):
            for count in COUNTS:
                took = _synthesise(folder, count)
                if round_:  # The first round fills the caches.
                    seconds[count].append(took)
    medians = {count: statistics.median(times) for count, times in seconds.items()}
    print("services  median  spread  to one  for each more")
    for count, median in medians.items():
        spread = max(seconds[count]) - min(seconds[count])
        more = (median - medians[1]) / (count - 1) * 1000 if count > 1 else 0
        ratio = median / medians[1]
        print(f"{count:8}  {median:5.2f}s  {spread:5.2f}s  {ratio:6.2f}  {more:10.0f} ms")


def _write_env_files(folder: Path, count: int) -> None:
    (folder / "0.env").write_text(sample_env(), encoding="utf-8")
    for number in range(1, count):
        text = sample_env(
            deploy_core_stack="False",
            stack_prefix=f"S{number}-",
            service_name=f"service-{number}",
            ecr_repository_name=f"service-{number}",
        )
        (folder / f"{number}.env").write_text(text, encoding="utf-8")


def _synthesise(folder: Path, count: int) -> float:
    files = ",".join(f"{number}.env" for number in range(count))
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        cwd=folder,
        env={
            "PATH": str(Path(sys.executable).parent),
            "HOME": str(Path.home()),
            "CDK_OUTDIR": str(folder / "cdk.out"),
            "CDK_CONTEXT_JSON": _context(files),
        },
        check=True,
    )
    return time.perf_counter() - began


def _context(env_files: str) -> str:
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return json.dumps(context | {"env_file": env_files})


if __name__ == "__main__":
    main()

"""Assemblies of the app without a start of the app: Python and CDK are loaded once.

A step whose subject is what AWS makes of other settings hands such an assembly to the CDK CLI
(``--app cdk.out``), which spares it half of its processor time.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from tools.rehearsal.expectation import RehearsalError
from tools.repository import ROOT

ASSEMBLY = "cdk.out"

_CONTEXT: Mapping[str, Any] = {
    # What the CDK CLI sets unless it is told otherwise.
    "aws:cdk:enable-path-metadata": True,
    "aws:cdk:enable-asset-metadata": True,
    # The CLI publishes what stands in the assembly.
    "aws:cdk:disable-asset-staging": False,
}


class Synthesis:
    """A process in ``folder`` that has the app loaded; started when it is first needed."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None

    def write(self, env_file: str) -> None:
        """Synthesise the app with these settings (comma-separated files) into ``cdk.out``.

        Nothing is looked up in an account. Raises ``RehearsalError`` with what the process said.
        """
        process = self._process = self._process or subprocess.Popen(
            [sys.executable, "-m", "tools.rehearsal.synthesis"],
            cwd=self._folder,
            env={**self._environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)
        stdin.write(json.dumps(env_file) + "\n")
        stdin.flush()
        said = []
        for line in stdout:
            if line == _DONE:
                return
            said.append(line)
        self.end()
        raise RehearsalError(f"the app was not synthesised:\n{''.join(said)}")

    def end(self) -> None:
        """End the process, if there is one, which also ends that of jsii."""
        if self._process:
            self._process.communicate()
            self._process = None


_DONE = "done\n"


def _serve() -> None:
    from app import make_app  # noqa: PLC0415 - whoever asks this process need not load CDK
    from settings import load_deployment  # noqa: PLC0415

    for line in sys.stdin:
        deployment = load_deployment(json.loads(line))
        make_app(deployment, ASSEMBLY, context=_CONTEXT).synth()
        print(_DONE, end="", flush=True)


if __name__ == "__main__":
    _serve()

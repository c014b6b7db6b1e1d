"""Synthesis of the app in one process, which loads Python and CDK once.

The CDK CLI deploys such an assembly (``--app cdk.out``) in half of the processor time.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

from cdk_rehearsal import RehearsalError
from cdk_rehearsal.cdk import ASSEMBLY
from settings import load_deployment
from tools.repository import ROOT

_CONTEXT: Mapping[str, Any] = {
    # The CDK CLI sets these by default.
    "aws:cdk:enable-path-metadata": True,
    "aws:cdk:enable-asset-metadata": True,
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

        It looks nothing up in an account. Raises ``RehearsalError`` with the output of the process.
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
        """End the process, and with it that of jsii."""
        if self._process:
            self._process.communicate()
            self._process = None


_DONE = "done\n"


def _serve() -> None:
    for line in sys.stdin:
        deployment = load_deployment(json.loads(line))
        # Only this process needs CDK, and not for settings that are refused.
        from app import make_app  # noqa: PLC0415

        make_app(deployment, ASSEMBLY, context=_CONTEXT).synth()
        print(_DONE, end="", flush=True)


if __name__ == "__main__":
    _serve()

"""The workspace of the blueprint's app, with its settings files."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from cdk_rehearsal import LocalAws, cdk
from cdk_rehearsal.deploy_policy.least import Document
from cdk_rehearsal.deploy_policy.proof import ManagedPolicies
from settings.examples import sample_env
from tools.rehearsal.synthesis import Synthesis
from tools.repository import ROOT

_DEFAULT = ".env"


class Workspace(cdk.Workspace):
    """Runs the CDK CLI of ``node_modules`` and ``app.py``, with settings files of its own folder.

    ``env_file`` are the settings of a command: comma-separated files in the folder, by default
    ``.env``. CloudFormation gets ``documents`` as its policies, or else AdministratorAccess.
    """

    def __init__(self, aws: LocalAws, documents: Sequence[Document] = (), **variables: str) -> None:
        cli = [str(ROOT / "node_modules" / ".bin" / "cdk")]
        super().__init__(aws, cli=cli, jsii_cache=ROOT / ".cache" / "jsii", **variables)
        shutil.copy(ROOT / "cdk.json", self.folder)
        self._synthesis = Synthesis(self.folder, self.environment)
        self._documents = documents

    @cached_property
    def policies(self) -> ManagedPolicies:
        """The policies of CloudFormation's role, if there are documents."""
        return ManagedPolicies(self.access, self._documents)

    def bootstrap(self, execution_policies: Sequence[str] = ()) -> None:
        """See ``cdk.Workspace.bootstrap``."""
        super().bootstrap(execution_policies or self.policies.arns)

    def __exit__(self, *error: object) -> None:
        self._synthesis.end()
        super().__exit__(*error)

    def write_env(self, name: str = ".env", **changes: str) -> None:
        """Write a settings file: sample.env with the essentials filled in and ``changes``."""
        (self.folder / name).write_text(sample_env(**changes), encoding="utf-8")

    def command(self, *arguments: str) -> list[str]:
        """Add the app, and the settings file ``.env`` unless another one is named."""
        app = () if "--app" in arguments else ("--app", app_command(ROOT / "app.py"))
        named = any(each.startswith("env_file=") for each in arguments)
        return super().command(*arguments, *app, *(() if named else _settings(_DEFAULT)))

    def start(self, *arguments: str) -> cdk.Cli:
        """See ``cdk.Workspace.start``; Node compiles the CLI once, a tenth of its start."""
        compiled = {"NODE_COMPILE_CACHE": str(ROOT / ".cache" / "cdk-compiled")}
        return self.start_in(self.folder, self.command(*arguments), compiled)

    def cdk(self, *arguments: str, env_file: str = "") -> str:
        """See ``cdk.Workspace.cdk``."""
        return super().cdk(*arguments, *_settings(env_file))

    def failing_cdk(self, *arguments: str, env_file: str = "") -> str:
        """See ``cdk.Workspace.failing_cdk``."""
        return super().failing_cdk(*arguments, *_settings(env_file))

    def deploy(self, *arguments: str, env_file: str = "") -> dict[str, dict[str, str]]:
        """Run the deploy of the README and return the contents of output.json."""
        return super().deploy(*(arguments or ("--all",)), *_settings(env_file))

    def synthesised(self, env_file: str = _DEFAULT) -> tuple[str, ...]:
        """Synthesise the app without the CDK CLI; return the options of a deploy of the result.

        For steps that are not about the command of a user. A change set would take a third of the
        processor time of such a deploy, so there is none.
        """
        self._synthesis.write(env_file)
        return *cdk.AS_SYNTHESISED, "--method=direct"


def app_command(script: Path) -> str:
    """Return the ``--app`` argument with which the CDK CLI runs a script of any path.

    The CLI hands it to a shell. jsii loads the CDK from a new folder each time, so compiled code
    would never be found again.
    """
    return f"unset NODE_COMPILE_CACHE; exec {shlex.join([sys.executable, str(script)])}"


def _settings(env_file: str) -> tuple[str, ...]:
    return ("-c", f"env_file={env_file}") if env_file else ()

"""The CDK apps that are measured, each in a folder of its own, and how long each run takes."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from settings.examples import ACCOUNT, REGION, sample_env
from tools.bench.results import Run
from tools.rehearsal.workspace import app_command
from tools.repository import ROOT

_EMPTY_APP = """\
from aws_cdk import App, Stack

app = App()
Stack(app, "Empty")
app.synth()
"""

_OUTPUTS = {
    "VpcId": "vpc-0123456789abcdef0",
    "VpcCidr": "10.0.0.0/16",
    "AvailabilityZones": f"{REGION}a,{REGION}b",
    "PublicSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
    "PrivateSubnetIds": "subnet-0123456789abcdef2,subnet-0123456789abcdef3",
    "EcsClusterName": "ecs-blueprint-infra",
    "TaskExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/TaskExecution",
    "NamespaceNames": "default.ecs-blueprint-infra.local",
    "NamespaceArns": f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:namespace/ns-0123456789abcdef",
    "NamespaceIds": "ns-0123456789abcdef",
}


_PROBE = """
import json, sys, time
began = time.perf_counter()
import aws_cdk
aws_cdk.App
with_cdk = time.perf_counter()
import app
imported = time.perf_counter()
deployment = app.load_deployment(sys.argv[1])
loaded = time.perf_counter()
cdk_app = app.make_app(deployment, sys.argv[2], context=json.loads(sys.argv[3]))
constructed = time.perf_counter()
cdk_app.synth()
done = time.perf_counter()
print(json.dumps({
    "import aws_cdk, start jsii": with_cdk - began,
    "import everything else": imported - with_cdk,
    "read the settings": loaded - imported,
    "construct both stacks": constructed - loaded,
    "synthesise": done - constructed,
}))
"""


@dataclass(frozen=True, kw_only=True)
class MeasuredApp:
    """An app, and how to run it: through the CDK CLI, or by itself."""

    name: str
    folder: Path
    script: Path
    env_files: str = ""

    def cdk_ls(self) -> Run:
        """Run ``npx cdk ls``."""
        context = ("-c", f"env_file={self.env_files}") if self.env_files else ()
        return self._run("npx", "cdk", "ls", "--app", app_command(self.script), *context)

    def alone(self) -> Run:
        """Run the app without the CLI."""
        return self._run(sys.executable, str(self.script))

    def _run(self, *command: str) -> Run:
        cdk_json = json.loads((self.folder / "cdk.json").read_text(encoding="utf-8"))
        context = cdk_json.get("context", {}) | {"env_file": self.env_files}
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(Path.home()),
            # npm leaves a compile cache there.
            "TMPDIR": str(self.folder),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
            "CDK_OUTDIR": str(self.folder / "cdk.out"),
            "CDK_CONTEXT_JSON": json.dumps(context),
        }
        with (self.folder / "output").open("w+b") as output:
            began = time.perf_counter()
            child = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=output, stderr=output
            )
            _, status, used = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                output.seek(0)
                said = output.read().decode("utf-8", "replace")
                raise subprocess.CalledProcessError(child.returncode, command, said)
        return Run(seconds, used.ru_maxrss / 1024)


def floor(folder: Path) -> MeasuredApp:
    """Make an app with one empty stack: what every Python CDK app costs."""
    _prepare(folder, {"app": "python3 app.py"})
    (folder / "app.py").write_text(_EMPTY_APP, encoding="utf-8")
    return MeasuredApp(name="an empty app", folder=folder, script=folder / "app.py")


def core(folder: Path) -> MeasuredApp:
    """Return this project with the settings of sample.env."""
    _prepare_ours(folder)
    (folder / "0.env").write_text(sample_env(), encoding="utf-8")
    return _ours("a core and a service", folder, "0.env")


def imported(folder: Path) -> MeasuredApp:
    """Return this project with one service on the outputs of an earlier deploy."""
    _prepare_ours(folder)
    outputs = json.dumps({"CoreInfraStack": _OUTPUTS})
    (folder / "output.json").write_text(outputs, encoding="utf-8")
    text = sample_env(deploy_core_stack="False", core_outputs_file="output.json")
    (folder / "0.env").write_text(text, encoding="utf-8")
    return _ours("a service by outputs file", folder, "0.env")


def fleet(folder: Path, services: int, *, cores: int = 1) -> MeasuredApp:
    """Return this project with so many services, evenly on so many cores, a file for each."""
    _prepare_ours(folder)
    for number in range(services):
        core = number % cores
        text = sample_env(
            deploy_core_stack=str(number < cores),
            stack_prefix=f"S{number}-",
            ecs_cluster_name=f"cluster-{core}",
            service_name=f"service-{number}",
            ecr_repository_name=f"service-{number}",
        )
        (folder / f"{number}.env").write_text(text, encoding="utf-8")
    files = ",".join(f"{number}.env" for number in range(services))
    what = "a core" if cores == 1 else f"{cores} cores"
    return _ours(f"{what} and {services} services", folder, files)


def _ours(name: str, folder: Path, env_files: str) -> MeasuredApp:
    return MeasuredApp(name=name, folder=folder, script=ROOT / "app.py", env_files=env_files)


def _prepare_ours(folder: Path) -> None:
    _prepare(folder, json.loads((ROOT / "cdk.json").read_text(encoding="utf-8")))


def _prepare(folder: Path, cdk_json: dict[str, object]) -> None:
    folder.mkdir()
    (folder / "cdk.json").write_text(json.dumps(cdk_json), encoding="utf-8")
    for name in ("package.json", "node_modules"):
        (folder / name).symlink_to(ROOT / name)


def phases(env_file: Path, outdir: Path) -> dict[str, float]:
    """Return the seconds of each phase of one run, for the settings in ``env_file``."""
    # As the CDK CLI runs it: assets are copied, traces are off.
    context = {
        "aws:cdk:disable-asset-staging": False,
        "aws:cdk:disable-creation-stack-traces": True,
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(env_file), str(outdir), json.dumps(context)],
        cwd=ROOT,
        env={"PATH": path, "HOME": str(Path.home())},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds

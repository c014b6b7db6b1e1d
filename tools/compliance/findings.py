"""What cdk-nag and Checkov object to.

Checkov lives in a virtual environment of its own, because it pins boto3 to an old version, which
neither the AWS CLI nor the local AWS can work with.
https://github.com/bridgecrewio/checkov/issues/7349
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App, Validations
from aws_cdk.cx_api import CloudAssembly
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks

from tools.local_aws.process_environment import process_environment
from tools.local_aws.scratch import ScratchDirectory

PACKS = ("AwsSolutions", "NIST.800.53.R5")

_FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "checkov"
INSTALLED = _FOLDER / ".installed"
"""Made by make (``test`` and ``compliance``) when all of tools/compliance/checkov.lock is there."""


@dataclass(frozen=True, order=True)
class Finding:
    """A rule that a resource breaks.

    ``construct`` is the path of the resource below its stack; ``detail`` tells the findings of one
    rule on one resource apart, where there are several.
    """

    tool: str
    rule: str
    construct: str
    detail: str = ""

    @classmethod
    def of_cdk_nag(cls, pack: str, rule_name: str, construct_path: str) -> "Finding":
        """Return the finding that the validation report calls ``rule_name``: ``rule[detail]``."""
        rule, bracket, detail = rule_name.partition("[")
        detail = detail.removesuffix("]") if bracket else ""
        return cls(pack, rule, below_stack(construct_path), detail)

    @property
    def acknowledgment_id(self) -> str:
        """The name under which CDK acknowledges a finding of cdk-nag."""
        detail = f"[{self.detail}]" if self.detail else ""
        return f"{self.tool}::{self.rule}{detail}"


def below_stack(construct_path: str) -> str:
    """Return a construct path without the stack that it begins with."""
    return re.sub(r"^/?[^/]+/", "", construct_path)


def add_nag_rules(app: App) -> None:
    """Let both rule packs of cdk-nag judge the app at every synthesis."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), NIST80053R5Checks(app))


def nag_findings(app: App) -> list[Finding]:
    """Synthesise the app, once more if it was; return what cdk-nag found and nobody acknowledged.

    The app has the rules: ``add_nag_rules``.
    """
    try:
        app.synth(force=True)
    except RuntimeError as error:
        if "validation-report.json" not in str(error):
            raise
    report = json.loads((Path(app.outdir) / "validation-report.json").read_text("utf-8"))
    return sorted(
        Finding.of_cdk_nag(plugin["pluginName"], violation["ruleName"], place["constructPath"])
        for plugin in report["pluginReports"]
        if plugin["pluginName"] in PACKS
        for violation in plugin["violations"]
        for place in violation["violatingConstructs"]
    )


def checkov_findings(assemblies: Mapping[str, CloudAssembly]) -> dict[str, list[Finding]]:
    """Run Checkov once over all templates, without its cloud service; return findings by name."""
    names = dict(enumerate(assemblies))
    with ScratchDirectory("checkov") as scratch:
        folder = scratch.path / "templates"
        for number, name in names.items():
            # Checkov takes the path of a template for one of its values, and 40 of its characters
            # between two others for a secret key (CKV_AWS_45). The hyphen keeps them shorter.
            target = folder / f"assembly-{number}"
            target.mkdir(parents=True)
            for stack in assemblies[name].stacks:
                shutil.copy(stack.template_full_path, target)
        failed = _failed_checks(folder)
    paths = {n: _construct_paths(assemblies[name]) for n, name in names.items()}
    findings: dict[str, list[Finding]] = {name: [] for name in assemblies}
    for check in failed:
        _, place, template = check["file_path"].split("/")
        logical_id = check["resource"].partition(".")[2]
        number = int(place.removeprefix("assembly-"))
        construct = paths[number][template, logical_id]
        findings[names[number]].append(Finding("Checkov", check["check_id"], construct))
    return findings


def _failed_checks(folder: Path) -> list[dict[str, str]]:
    done = subprocess.run(  # noqa: S603 - our own tool, on templates that we made
        [
            # Not its script, whose first line a space in this path would break.
            *(_FOLDER / "bin" / "python", "-m", "checkov.main"),
            *("--directory", str(folder)),
            *("--framework", "cloudformation"),
            *("--output", "json"),
            *("--quiet", "--compact", "--skip-download"),
        ],
        # Neither ~/.checkov.yaml nor a variable of the shell changes what it looks for.
        env=process_environment() | {"HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.strip():
        raise RuntimeError(f"Checkov said nothing: {done.stderr}")
    report = json.loads(done.stdout)
    if report["summary"]["parsing_errors"]:
        raise RuntimeError(f"Checkov could not read all of {folder}: {done.stderr}")
    failed: list[dict[str, str]] = report["results"]["failed_checks"]
    return failed


def _construct_paths(assembly: CloudAssembly) -> dict[tuple[str, str], str]:
    return {
        (stack.template_file, str(entry.data)): below_stack(entry.path)
        for stack in assembly.stacks
        for entry in stack.find_metadata_by_type("aws:cdk:logicalId")
    }

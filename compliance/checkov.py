"""The findings of Checkov, which lives in a virtual environment of its own.

It pins boto3 to an old version, which neither the AWS CLI nor the local AWS can work with.
https://github.com/bridgecrewio/checkov/issues/7349
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from aws_cdk.cx_api import CloudAssembly

from compliance.finding import Finding, below_stack
from rehearsal.process_environment import process_environment

_FOLDER = Path(__file__).resolve().parents[1] / ".cache" / "checkov"
INSTALLED = _FOLDER / ".installed"
"""Made by make (``test`` and ``compliance``) when all of compliance/checkov.lock is there."""


def checkov_findings(assemblies: Mapping[str, CloudAssembly]) -> dict[str, list[Finding]]:
    """Run Checkov once over all templates, without its cloud service; return findings by name."""
    names = dict(enumerate(assemblies))
    with TemporaryDirectory() as folder:
        for number, name in names.items():
            target = Path(folder) / str(number)
            target.mkdir()
            for stack in assemblies[name].stacks:
                shutil.copy(stack.template_full_path, target)
        failed = _failed_checks(folder)
    paths = {n: _construct_paths(assemblies[name]) for n, name in names.items()}
    findings: dict[str, list[Finding]] = {name: [] for name in assemblies}
    for check in failed:
        _, place, template = check["file_path"].split("/")
        logical_id = check["resource"].partition(".")[2]
        construct = paths[int(place)][template, logical_id]
        findings[names[int(place)]].append(Finding("Checkov", check["check_id"], construct))
    return findings


def _failed_checks(folder: str) -> list[dict[str, str]]:
    done = subprocess.run(  # noqa: S603 - our own tool, on templates that we made
        [
            # Not its script, whose first line a space in this path would break.
            *(_FOLDER / "bin" / "python", "-m", "checkov.main"),
            *("--directory", folder),
            *("--framework", "cloudformation"),
            *("--output", "json"),
            *("--quiet", "--compact", "--skip-download"),
        ],
        # Neither ~/.checkov.yaml nor a variable of the shell changes what it looks for.
        env=process_environment() | {"HOME": folder},
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

"""Write the least policy of a deploy, and prove it: ``python -m tools.deploy_policy``.

The rehearsal of the settings says what CloudFormation's execution role needs. A second rehearsal,
bootstrapped with that instead of AdministratorAccess, proves it.
"""

from tools.command_line import run

import argparse
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from cdk_rehearsal import ConsoleReport, RehearsalError, ScratchDirectory
from cdk_rehearsal.deploy_policy.least import DeployPolicy, Document, least_policy
from cdk_rehearsal.deploy_policy.other_policies import boundary, policy_of_cli
from cdk_rehearsal.deploy_policy.proof import sample_of, take_away
from cdk_rehearsal.deploy_policy.rehearsed import require_nothing_refused, say_sizes
from cdk_rehearsal.deploy_policy.written import (
    read_documents,
    require_own,
    write,
    write_changes,
)
from settings import SettingsError
from tools.doctor.rights import policy as policy_of_doctor
from tools.operations.account import OperationError
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.rehearse import FAILURES, rehearse, start
from tools.rehearsal.rehearsed_service import RehearsedService, choose_service
from tools.repository import ROOT
from tools.service_choice import NoSourceError, env_files_or_none

_FOLDER = ROOT / ".cache" / "deploy-policy"


def main() -> None:
    """Write the policy of the chosen settings; exit with 1 and the reason if something fails."""
    given = _arguments()
    report = ConsoleReport()
    try:
        require_own(given.to)
        if given.against:
            # In a process of its own: the settings and the app of another revision.
            before = policy_of_revision(given.against, given.env_file, given.source)
        service = choose_service(given.env_file, None, given.source, working_tree=True)
        after = _rehearsed(report, service, given.to, proof=not given.without_proof)
        if given.without:
            _take_away(report, service, after, given.without)
    except SettingsError as error:
        sys.exit(str(error))
    except (OperationError, NoSourceError, *FAILURES) as error:
        sys.exit(f"error: {error}")
    if given.against:
        print("\n" + write_changes(before, after, given.to))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.deploy_policy", description=__doc__)
    parser.add_argument(
        "--env-file", help="settings; several, comma-separated (.env, or else the sample's)"
    )
    parser.add_argument("--source", help="the repository of the service")
    parser.add_argument(
        "--to", type=Path, default=_FOLDER, help="a folder for it (.cache/deploy-policy)"
    )
    parser.add_argument("--against", metavar="COMMIT", help="print what changed since this commit")
    parser.add_argument("--without-proof", action="store_true", help="no second rehearsal")
    parser.add_argument(
        "--without",
        type=int,
        default=0,
        metavar="COUNT",
        help="also deploy without so many of the statements, each of which must be missed",
    )
    return parser.parse_args()


def _rehearsed(
    report: ConsoleReport, service: RehearsedService, to: Path, *, proof: bool
) -> DeployPolicy:
    region = service.settings.aws_region
    demands = rehearse(report, service, with_engine=False)
    policy = least_policy(demands, region=region, stacks=service.stacks)
    others: dict[str, Document] = {
        "boundary": boundary(demands, stacks=service.stacks),
        "cli": policy_of_cli(service.settings.account_number),
        "doctor": json.loads(policy_of_doctor()),
    }
    say_sizes(report, policy, write(policy, others, to))
    if proof:
        # The rehearsal of the sample deploys more stacks than its settings do.
        whole = least_policy(demands, region=region)
        rehearse(report, service, with_engine=False, documents=whole.documents)
    return policy


def _take_away(
    report: ConsoleReport, service: RehearsedService, policy: DeployPolicy, count: int
) -> None:
    """Deploy and destroy with the policy, then without a statement, which must be missed."""
    with start(report, service, None, documents=policy.documents) as rehearsal:
        destroy = partial(_destroy, rehearsal)
        with report.step("cdk deploy and cdk destroy with the policy of the settings"):
            rehearsal.deploy()
            destroy()
            require_nothing_refused(rehearsal.context.aws.access)
        take_away(
            report,
            rehearsal.context.workspace.policies,
            sample_of(policy, count),
            deploy=rehearsal.deploy,
            destroy=destroy,
        )


def _destroy(rehearsal: Rehearsal) -> None:
    workspace = rehearsal.context.workspace
    options = workspace.synthesised(rehearsal.files.selection)[:-1]
    workspace.cdk("destroy", "--all", "--force", *options)


def policy_of_revision(
    revision: str, env_file: str | None, source: str | None, *, repository: Path = ROOT
) -> list[Document]:
    """Return the policy of the same settings with the blueprint of another revision.

    It runs with its own engine, and with the other packages that are installed now.
    ``RehearsalError`` if it cannot.
    """
    with ScratchDirectory("deploy-policy") as scratch:
        there, to = scratch.path / "revision", scratch.path / "policy"
        _run("git", "clone", "--quiet", "--shared", "--no-checkout", str(repository), str(there))
        _run("git", "-C", str(there), "checkout", "--quiet", revision)
        if not (there / "tools" / "deploy_policy").is_dir():
            raise RehearsalError(f"{revision} has no tools/deploy_policy to compare with")
        (there / ".cache").mkdir()
        for shared in ("node_modules", ".cache/jsii"):
            (there / shared).symlink_to(repository / shared)
        options = ["--to", str(to), "--without-proof"]
        if chosen := env_files_or_none(env_file):
            paths = [str(Path(each.strip()).resolve()) for each in chosen.split(",")]
            options += ["--env-file", ",".join(paths)]
        if source:
            options += ["--source", str(Path(source).resolve())]
        _run(sys.executable, "-m", "tools.deploy_policy", *options, folder=there)
        return read_documents(to)


def _run(*command: str, folder: Path | None = None) -> None:
    # The modules of the other revision, also of its engine, come before those that are installed.
    modules = [str(folder), str(folder / "cdk-rehearsal" / "src")] if folder else []
    environment = os.environ | ({"PYTHONPATH": os.pathsep.join(modules)} if modules else {})
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RehearsalError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")

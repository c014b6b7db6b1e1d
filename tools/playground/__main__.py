"""A local AWS, bootstrapped, until Ctrl-C: ``python -m tools.playground``.

It prints what another terminal has to export so that the commands of the README reach it.
"""

from tools.command_line import run

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from cdk_rehearsal import (
    ConsoleReport,
    Delays,
    LocalAws,
    RehearsalError,
    ScratchDirectory,
)
from cdk_rehearsal.containers import (
    ContainerNetwork,
    Engine,
    EngineError,
    NoEngineError,
    left_over,
)
from cdk_rehearsal.pipelines import PipelineWorker, top_of
from tools.rehearsal.rehearse import FAILURES, find_engine, local_aws
from tools.rehearsal.rehearsed_service import RehearsedService, SettingsFiles
from tools.rehearsal.sample_image import docker_for
from tools.rehearsal.workspace import Workspace
from tools.service_choice import NoSourceError, env_files_or_none, load_chosen, source_of

_POLL_SECONDS = 1.0
# The user's shell may hold these, and they would win over what is exported here.
_OTHER_CREDENTIALS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C, then remove everything; return 1 if something is left."""
    parser = argparse.ArgumentParser(prog="python -m tools.playground", description=__doc__)
    parser.add_argument("--env-file", help="settings; several, comma-separated (.env)")
    parser.add_argument("--working-tree", action="store_true", help="deliver the files on disk")
    parser.add_argument("--source", help="the repository to deliver, if make init did not note it")
    given = parser.parse_args(arguments)
    env_file = env_files_or_none(given.env_file)
    try:
        deployment = load_chosen(given.env_file)
        targets = {(settings.account_number, settings.aws_region) for settings in deployment}
        if len(targets) > 1:
            raise RehearsalError(f"a playground has one account and one region, not {targets}")
        service = RehearsedService(
            deployment=deployment,
            settings=deployment[0],
            repository=top_of(source_of(deployment[0], given.source)),
            working_tree=given.working_tree,
            is_sample=env_file is None,
        )
    except (NoSourceError, RehearsalError) as error:
        sys.exit(f"error: {error}")
    playground, failed = Playground(service, env_file), True
    try:
        with playground.stack:
            playground.start()
            playground.serve()
    except KeyboardInterrupt:
        failed = False
    except FAILURES as error:
        print(f"\nerror: {error}", file=sys.stderr)
    finally:
        left = playground.say_what_is_left()
    return int(failed or left)


class Playground:
    """A local AWS for the settings, with tasks as containers if there is an engine for them.

    Closing ``stack`` ends it and removes what it has made.
    """

    def __init__(self, service: RehearsedService, env_file: str | None) -> None:
        self.stack = ExitStack()
        self._service = service
        self._account, self._region = service.settings.account_number, service.settings.aws_region
        self._env_file = env_file
        self._report = ConsoleReport()
        self._engine: Engine | None = None
        self._network: ContainerNetwork | None = None
        self._folders: list[Path] = []

    def start(self) -> None:
        """Start and bootstrap the local AWS, and print how to use it."""
        report, enter = self._report, self.stack.enter_context
        report.section("Start")
        engine = find_engine(report, self._service)
        docker_folder = enter(ScratchDirectory("docker")).path
        # Entered first, so left last: it removes the images, which no task may use any more.
        docker = enter(docker_for(docker_folder, engine, self._service.repository))
        aws = self._aws(engine)
        workspace = enter(Workspace(aws))
        self._folders = [docker_folder, workspace.folder, aws.access.ca_bundle.parent]
        with report.step("cdk bootstrap"):
            workspace.cdk("bootstrap", f"aws://{self._account}/{self._region}", "--app", "")
        with report.step("Deliveries") as step:
            repository, on_disk = self._service.repository, self._service.working_tree
            step.note = f"of {repository}; docker: {docker.description}"
        self._worker = PipelineWorker(aws, docker, repository, working_tree=on_disk)
        self._say_how_to_use_it(aws, workspace)

    def serve(self) -> None:
        """Do the jobs of the pipelines, until Ctrl-C."""
        while True:
            idle = True
            for result in self._worker.work():
                idle = False
                end = f"failed: {result.failure}" if result.failure else "succeeded"
                self._report.say(f"  {result.pipeline}: {result.action} {end}")
            if idle:  # otherwise the next action may already wait
                time.sleep(_POLL_SECONDS)

    def say_what_is_left(self) -> bool:
        """Look for the folders, containers, networks and images; tell whether one is there."""
        left = [str(folder) for folder in self._folders if folder.exists()]
        if self._engine:
            left += left_over(self._engine)
        self._report.say(f"LEFT: {', '.join(left)}" if left else "Nothing is left.")
        return bool(left)

    def _aws(self, engine: Engine | None) -> LocalAws:
        """Start the local AWS; its tasks are records if they cannot be containers."""
        enter, delays = self.stack.enter_context, Delays(records=0)
        with self._report.step("Start the local AWS") as step:
            step.note = f"account {self._account}, {self._region}"
            try:
                aws, tasks = enter(local_aws(self._service, engine, delays))
            except (NoEngineError, EngineError) as reason:
                step.note += f"; tasks are records: {reason}"
                aws, tasks = enter(local_aws(self._service, None, delays))
            if tasks:
                self._engine, self._network = tasks.engine, tasks.network
                step.note += f"; tasks are containers in {tasks.network.cidr}"
            return aws

    def _say_how_to_use_it(self, aws: LocalAws, workspace: Workspace) -> None:
        say, folder = self._report.say, aws.access.ca_bundle.parent
        # Root can assume no role, as on AWS, and the CDK CLI would warn of that at every stack.
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        user = aws.access.user("administrator", everything)
        say(f"\nThe local AWS runs until you press Ctrl-C; its folder is {folder}")
        say("In another terminal, in this folder:\n")
        say(f"  source .venv/bin/activate\n  unset {' '.join(_OTHER_CREDENTIALS)}")
        for name, value in user.environment(shell={}).items():
            say(f"  export {name}={shlex.quote(value)}")
        say("")
        option = shlex.quote(self._usable_env_file(workspace))
        for name in self._token_secrets():
            say(f"  aws secretsmanager create-secret --secret-string made-up --name {name}")
        say(f"  npx cdk deploy --all --require-approval never -c env_file={option}")
        for target in ("status", "deliver", "call" if self._network else "logs"):
            say(f"  make {target} ENV_FILE={option}")
        say("\nWhat it can show, and what it cannot: docs/rehearsal.md\n")

    def _usable_env_file(self, workspace: Workspace) -> str:
        """Return the settings files to deploy; copies, if there are none or their range is taken.

        The VPC has the range of the containers' network.
        """
        deployment = self._service.deployment
        wanted = {settings.core.vpc_cidr for settings in deployment if settings.core}
        network = {"vpc_cidr": self._network.cidr} if self._network else {}
        taken = wanted - set(network.values()) if network else set()
        if self._env_file and not taken:
            return self._env_file
        files = SettingsFiles(workspace, self._service)
        for name, settings in zip(files.names, deployment, strict=True):
            files.write(name, **(network if settings.core else {}))
        copies = ",".join(str(workspace.folder / name) for name in files.names)
        why = "There is no .env here; these settings are sample.env, filled in"
        if self._env_file:
            why = f"{', '.join(taken)} is taken on this machine; these copies have another range"
        self._report.say(f"  # {why}: {copies}")
        return copies

    def _token_secrets(self) -> list[str]:
        """Return the names of the secrets that the pipelines read a token of GitHub from."""
        deliveries = [settings.delivery for settings in self._service.deployment]
        names = {d.github_token_secret_name for d in deliveries if not d.connection_arn}
        return [shlex.quote(name) for name in sorted(filter(None, names))]


if __name__ == "__main__":
    run(main, stopped="The playground is stopped.")

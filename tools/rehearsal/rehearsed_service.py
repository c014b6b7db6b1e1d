"""The service that is rehearsed: the user's, or else the sample; and its settings files."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from cdk_rehearsal import RehearsalError
from cdk_rehearsal.pipelines import Source, top_of
from settings import CoreSettings, Settings
from settings.env_file import read_env_file
from settings.examples import example_deployment
from tools.init.proposal import LATER
from tools.operations.service import choose
from tools.rehearsal.workspace import Workspace
from tools.repository import ROOT
from tools.service_choice import core_of, env_files_or_none, load_chosen, source_of

_VARIABLES_FILE = "container_environment_file"


@dataclass(frozen=True, kw_only=True)
class RehearsedService:
    """The settings of one app, the service that is delivered, and the repository of that service.

    ``is_sample`` decides about the steps that only the sample has, since they change its settings
    in ways that another service may not survive.
    """

    deployment: Sequence[Settings]
    settings: Settings
    repository: Path
    working_tree: bool
    is_sample: bool

    @property
    def stacks(self) -> list[str]:
        """The stacks of the app."""
        cores = [each.core_stack_name for each in self.deployment if each.core]
        return [*cores, *(each.service_stack_name for each in self.deployment)]

    @property
    def core(self) -> CoreSettings | None:
        """The core that the service runs on, if the app creates it."""
        return core_of(self.settings, self.deployment)

    @property
    def vpc_cidr(self) -> str:
        """The addresses of the VPC that the service is in; empty if only AWS knows them."""
        if self.core:
            return self.core.vpc_cidr
        platform = self.settings.existing_platform
        return platform.vpc.vpc_cidr if platform and platform.vpc else ""

    @property
    def in_short(self) -> str:
        """The settings that a reader of the report wants to check first."""
        service = self.settings.service
        check = " ".join((service.health_check_command or ("", "no health check"))[1:])
        return (
            f"{service.service_name} on port {service.container_port}, {check};"
            f" account {self.settings.account_number}, {self.settings.aws_region}"
        )

    def require_paths(self, source: Source) -> None:
        """Raise ``RehearsalError`` if the source lacks a file that the settings name."""
        delivery = self.settings.delivery
        wanted = {
            "dockerfile_path" if delivery.dockerfile_path else "folder_path": delivery.dockerfile,
            "buildspec_path": delivery.buildspec_path,
        }
        missing = [
            f"  {key}: there is no {path} in it"
            for key, path in wanted.items()
            if path and path not in source.files and path not in source.links
        ]
        if missing:
            heading = f"{self.settings.env_file} does not fit {source.origin}:"
            raise RehearsalError("\n".join([heading, *missing]))


def choose_service(
    env_files: str | None, name: str | None, source: str | None, *, working_tree: bool
) -> RehearsedService:
    """Return the service that the user means; without settings files and source it is the sample.

    Raises ``SettingsError``, ``OperationError``, ``NoSourceError`` or ``SourceError``.
    """
    deployment = load_chosen(env_files)
    settings = choose(deployment, name)
    repository = source_of(settings, source)
    return RehearsedService(
        deployment=deployment,
        settings=settings,
        # The blueprint may have been unpacked without git.
        repository=ROOT if repository == ROOT else top_of(repository),
        working_tree=working_tree,
        is_sample=env_files_or_none(env_files) is None and source is None,
    )


def sample_service(*, working_tree: bool) -> RehearsedService:
    """Return the sample with its own settings, also if there are others."""
    deployment = example_deployment({})
    return RehearsedService(
        deployment=deployment,
        settings=deployment[0],
        repository=ROOT,
        working_tree=working_tree,
        is_sample=True,
    )


class SettingsFiles:
    """The settings files that the rehearsal deploys with: copies, since it changes them.

    ``main`` is the name of the file of the rehearsed service.
    """

    def __init__(self, workspace: Workspace, service: RehearsedService) -> None:
        self._workspace = workspace
        self._service = service
        self._texts: dict[str, dict[str, str]] = {}
        for number, each in enumerate(service.deployment):
            # The settings of the sample have no file; what is not written here is as in sample.env.
            texts = {} if service.is_sample else dict(read_env_file(each.env_file).texts)
            if path := texts.get(_VARIABLES_FILE):
                # A relative path starts at the folder of the settings file, and this is a copy.
                texts[_VARIABLES_FILE] = str(each.env_file.resolve().parent / path)
            self._texts[f"{number}-{each.env_file.name}"] = texts
        self.main = list(self._texts)[[*service.deployment].index(service.settings)]

    @property
    def names(self) -> list[str]:
        """The names of all files, in the order of the deployment."""
        return list(self._texts)

    @property
    def selection(self) -> str:
        """What to give to the app as its ``env_file``."""
        return ",".join(self._texts)

    def text(self, key: str) -> str:
        """Return the text of a key in the main file; empty if it is not in there."""
        return self._texts[self.main].get(key, "")

    @property
    def later_check(self) -> str:
        """The health check that `make init` keeps for the time after the first delivery."""
        text = "" if self._service.is_sample else self._service.settings.env_file.read_text("utf-8")
        found = re.search(rf"^{LATER}(.*)$", text, re.MULTILINE)
        kept = dotenv_values(stream=io.StringIO(found[1] if found else ""), interpolate=False)
        return kept.get("health_check_command") or ""

    def texts(self, name: str) -> dict[str, str]:
        """Return a copy of all keys of a file with their texts."""
        return dict(self._texts[name])

    def write(self, name: str = "", **changes: str) -> None:
        """Change keys of a file, or of a new one, and write it into the workspace."""
        file = name or self.main
        self._texts[file] = self._texts.get(file, {}) | changes
        self._workspace.write_env(file, **self._texts[file])

    @contextmanager
    def changed(self, **changes: str) -> Iterator[None]:
        """Change keys of the main file for the length of a block."""
        before = self._texts[self.main]
        self.write(**changes)
        try:
            yield
        finally:
            self._texts[self.main] = before
            self._workspace.write_env(self.main, **before)

"""Ask the account about everything that a deploy relies on: ``python -m tools.doctor``.

Exit code 1 means that there is a problem.
"""

from tools.command_line import run

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from settings import Settings, SettingsError, load_deployment, shown_name
from tools.doctor import account, github, image, names, network, platform, task
from tools.doctor.aws import Aws
from tools.doctor.check import ERRORS, Check, Context, Result, Verdict, not_checked, result_of_error
from tools.doctor.github import GitHub
from tools.doctor.rights import policy
from tools.terminal import LiveLine, fill, has_colour, is_live

ESSENTIAL: tuple[Check, ...] = (account.Credentials(), account.Region())
"""If one of these finds a problem, no other question makes sense."""

_WIDTH = 31
_COLOURS = {Verdict.OK: "32", Verdict.PROBLEM: "31", Verdict.NOTE: "36", Verdict.NOT_CHECKED: "33"}
_VERDICT_WIDTH = max(map(len, Verdict))
_INDENT = 4 + _VERDICT_WIDTH


def main(arguments: Sequence[str] | None = None, *, github_api: GitHub | None = None) -> int:
    """Examine every settings file and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.doctor", description=__doc__)
    parser.add_argument(
        "--env-file", default=".env", help="settings file; several, comma-separated, make one app"
    )
    parser.add_argument(
        "--github", action="store_true", help="ask GitHub too, with the stored token"
    )
    parser.add_argument(
        "--source",
        type=Path,
        help="a checkout of the service's repository, to look at its Dockerfile and buildspec",
    )
    parser.add_argument(
        "--policy", action="store_true", help="only print the policy with the rights that it needs"
    )
    options = parser.parse_args(arguments)
    if options.policy:
        print(policy())
        return 0
    try:
        deployment = load_deployment(options.env_file)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    asked = (github_api or GitHub()) if options.github else None
    report = Report()
    for settings in deployment:
        region = settings.aws_region
        file = shown_name(str(settings.env_file))
        report.heading(f"{file}: account {settings.account_number}, {region}")
        examine(Context(settings, Aws(region), deployment), report, asked, options.source)
    report.sum_up()
    return 1 if report.problems else 0


def examine(
    context: Context,
    report: "Report",
    github_api: GitHub | None = None,
    source: Path | None = None,
) -> None:
    """Ask every question that the settings raise; GitHub only if it is given."""
    for check in ESSENTIAL:
        if _ask(check, context, report).verdict is Verdict.PROBLEM:
            report.add("everything else", not_checked("makes no sense before that is solved"))
            return
    for check in checks_for(context.settings, github_api, source):
        _ask(check, context, report)


def checks_for(
    settings: Settings, github_api: GitHub | None, source: Path | None = None
) -> Iterator[Check]:
    """Yield what to ask after the essentials, in the order of a deploy."""
    yield account.ResourceTypes()
    yield account.Bootstrap()
    if core := settings.core:
        yield account.StackIsUsable(settings.core_stack_name)
        yield network.Zones(core)
        yield from account.network_quotas(core)
    yield account.FargateQuota()
    yield account.BuildQuota()
    yield account.ServiceLinkedRole()
    if there := settings.existing_platform:
        yield network.ExistingVpc(there)
        yield network.ExistingSubnets(there)
        yield network.Egress(there)
        yield platform.ExistingCluster(there)
        yield platform.ExistingNamespace(there)
        yield platform.NameInNamespace(there)
        yield task.ExistingExecutionRole(there)
    yield account.StackIsUsable(settings.service_stack_name)
    yield from names.names_of(settings)
    yield account.DeploymentAlarms(settings.service)
    delivery = settings.delivery
    if delivery.connection_arn:
        yield github.Connection(delivery.connection_arn)
    elif delivery.github_token_secret_name:
        yield github.TokenSecret(delivery.github_token_secret_name)
        yield github.TokenOnGitHub(github_api, delivery.github_token_secret_name)
    for variable, arn in settings.service.container_secrets.items():
        yield task.ContainerSecret(variable, arn, settings.service.container_secrets_kms_keys)
    for variable, arn in delivery.build_secrets.items():
        yield task.BuildSecret(variable, arn)
    for arn in settings.service.task_role_policy_arns:
        yield task.ManagedPolicy(arn)
    yield image.BaseImages(source)
    if delivery.buildspec_path:
        yield image.ExportedImage(source, delivery.buildspec_path)
    yield image.HealthCheck()


def _ask(check: Check, context: Context, report: "Report") -> Result:
    report.begin(check.what)
    try:
        result = check.examine(context)
    except ERRORS as error:
        result = result_of_error(error, context.aws)
    report.add(check.what, result)
    return result


class Report:
    """Prints results as they come, a line each, and counts them.

    Colour, the line of the running check and folded lines are for terminals that can show them.
    """

    def __init__(self) -> None:
        self._colour = has_colour(sys.stdout)
        self._folds = is_live(sys.stdout)
        self._running = LiveLine(sys.stdout)
        self._counts = dict.fromkeys(Verdict, 0)

    @property
    def problems(self) -> int:
        """How many problems there were."""
        return self._counts[Verdict.PROBLEM]

    def heading(self, text: str) -> None:
        """Begin the results about one settings file."""
        self._say(self._paint("1", text))

    def begin(self, what: str) -> None:
        """Show what is being looked at, until its result is there."""
        self._running.show(f"  {'…':<{_VERDICT_WIDTH}}  {what}")

    def add(self, what: str, result: Result) -> None:
        """Print a result."""
        self._counts[result.verdict] += 1
        verdict = f"{result.verdict.value:<{_VERDICT_WIDTH}}"
        begin = f"  {verdict}  {what:<{_WIDTH}}  "
        line = fill(begin, result.line, indent=_INDENT) if self._folds else begin + result.line
        painted = self._paint(_COLOURS[result.verdict], verdict)
        self._running.clear()
        # Painted afterwards: colours take no room.
        self._say(line.rstrip().replace(verdict, painted, 1))

    def sum_up(self) -> None:
        """Print how many results of each kind there were."""
        counts = self._counts
        problems = "1 problem" if self.problems == 1 else f"{self.problems or 'no'} problems"
        notes = f", {counts[Verdict.NOTE]} to know" if counts[Verdict.NOTE] else ""
        unknown = counts[Verdict.NOT_CHECKED]
        rest = f", {unknown} not checked" if unknown else ""
        self._say(f"\n{problems}, {counts[Verdict.OK]} ok{notes}{rest}. Nothing was changed.")

    def _say(self, text: str) -> None:
        print(text, flush=True)

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


if __name__ == "__main__":
    run(main)

"""Ask the account about everything that a deploy relies on: ``make doctor``.

The exit code is 1 if there is a problem.
"""

from tools.command_line import run

import argparse
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from cdk_rehearsal.terminal import fill
from settings import DeliverySettings, Settings
from tools.doctor import account, github, network, platform, source, stored_secrets, task_policies
from tools.doctor.aws import Aws
from tools.doctor.check import Question, Result, Verdict, not_checked
from tools.doctor.rights import policy
from tools.service_choice import NoSourceError, core_of, load_chosen, shown_file, source_of

ESSENTIAL = (
    Question("credentials", account.credentials),
    Question("region", account.region),
)
"""If one of these finds a problem, the other questions make no sense."""

_EGRESS = "egress of the private subnets"
_WIDTH = 31
_VERDICT_WIDTH = max(map(len, Verdict))
_INDENT = 2 + _VERDICT_WIDTH + 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine every settings file and return the exit code."""
    options = _parser().parse_args(arguments)
    if options.policy:
        print(policy())
        return 0
    deployment = load_chosen(options.env_file)
    api = github.API_URL if options.github else None
    report = Report()
    for settings in deployment:
        region = settings.aws_region
        print(f"{shown_file(settings)}: account {settings.account_number}, {region}", flush=True)
        try:
            folder = source_of(settings, options.source)
        except NoSourceError:
            folder = None
        asked = questions(deployment, settings, api, folder)
        examine(settings, Aws(region), report, asked)
    return 1 if report.sum_up() else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.doctor", description=__doc__)
    parser.add_argument("--env-file", help="settings file; several, comma-separated, make one app")
    parser.add_argument(
        "--github", action="store_true", help="ask GitHub too, with the stored token"
    )
    parser.add_argument(
        "--source", help="a checkout of the service's repository, to read its Dockerfile"
    )
    parser.add_argument(
        "--policy", action="store_true", help="only print an IAM policy with the needed rights"
    )
    return parser


def examine(settings: Settings, aws: Aws, report: "Report", asked: Iterable[Question]) -> None:
    """Ask the essential questions, and if they find no problem those of ``asked``."""
    for question in (*ESSENTIAL, *asked):
        result = question.result(settings, aws)
        report.add(question.about, result)
        if question in ESSENTIAL and result.verdict is Verdict.PROBLEM:
            left = not_checked("the doctor asks no further until this is solved")
            report.add("everything else", left)
            return


def questions(
    deployment: Sequence[Settings],
    settings: Settings,
    github_api: str | None,
    folder: Path | None,
) -> Iterator[Question]:
    """Yield what to ask about one of the files after the essentials, in the order of a deploy.

    ``github_api`` is None if GitHub is not asked, ``folder`` if nobody knows the repository's.
    """
    home = core_of(settings, deployment)
    yield Question("CDK bootstrap", account.bootstrap)
    if core := settings.core:
        yield Question("availability zones", partial(network.zones, core))
    if home and not home.enable_nat_gw:
        yield Question(_EGRESS, partial(task_policies.egress_of_core, home))
    yield from _account_questions(deployment, settings)
    yield from _existing_questions(settings)
    delivery = settings.delivery
    yield from _source_questions(delivery, github_api)
    for variable, arn in settings.service.container_secrets.items():
        yield Question(f"secret of {variable}", partial(stored_secrets.container_secret, arn))
    for variable, arn in delivery.build_secrets.items():
        yield Question(f"secret of {variable}", partial(stored_secrets.build_secret, arn))
    for arn in (*settings.service.task_role_policy_arns, *delivery.build_role_policy_arns):
        yield Question(f"policy {arn.rpartition('/')[2]}", partial(account.managed_policy, arn))
    if not delivery.image_source_repository_arn:
        yield Question("Dockerfile of the service", partial(source.dockerfile, folder))
    yield Question("health check", source.health_check)


def _source_questions(delivery: DeliverySettings, github_api: str | None) -> Iterator[Question]:
    if arn := delivery.image_source_repository_arn:
        yield Question("repository of images", partial(source.images, arn))
    elif arn := delivery.connection_arn:
        yield Question("GitHub connection", partial(github.connection, arn))
    elif secret := delivery.github_token_secret_name:
        yield Question("GitHub token", partial(github.token, secret))
        if github_api:
            yield Question("GitHub token's scopes", partial(github.scopes, secret, github_api))


def _account_questions(deployment: Sequence[Settings], settings: Settings) -> Iterator[Question]:
    if settings is deployment[-1]:  # once for all files
        yield Question("quota of roles", partial(account.role_quota, deployment))
    yield Question("quota of Fargate vCPUs", account.fargate_quota)
    if not settings.delivery.image_source_repository_arn:
        yield Question("quota of builds", account.build_quota)


def _existing_questions(settings: Settings) -> Iterator[Question]:
    if exists := settings.existing_platform:
        yield Question("existing VPC", partial(network.existing_vpc, exists))
        yield Question(_EGRESS, partial(network.egress, exists))
        yield Question("existing cluster", partial(platform.existing_cluster, exists))
        yield Question("existing namespace", partial(platform.existing_namespace, exists))
        yield Question("name in the namespace", partial(platform.name_in_namespace, exists))
    if arn := settings.service.ecs_task_execution_role_arn:
        yield Question("existing execution role", partial(platform.existing_execution_role, arn))


class Report:
    """Prints each result as it comes, and counts them."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(Verdict, 0)

    def add(self, about: str, result: Result) -> None:
        """Print a result, in one line if it does not go to a terminal."""
        self._counts[result.verdict] += 1
        verdict = f"{result.verdict.value:<{_VERDICT_WIDTH}}"
        begin = f"  {verdict}  {about:<{_WIDTH}}  "
        print(fill(begin, result.line, indent=_INDENT), flush=True)

    def sum_up(self) -> int:
        """Print how many results of each kind there were, and return how many problems."""
        counts = {verdict: count for verdict, count in self._counts.items() if count}
        number = counts.pop(Verdict.PROBLEM, 0)
        problems = "1 problem" if number == 1 else f"{number or 'no'} problems"
        others = "".join(f", {count} {verdict}" for verdict, count in counts.items())
        print(f"\n{problems}{others}. Nothing was changed.")
        return number


if __name__ == "__main__":
    run(main)

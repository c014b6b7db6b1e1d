"""Names that may exist only once in an account and region, and whether they are free.

The stacks also name a pipeline, a build project, a dashboard and alarms. These are taken only if
another stack has a service of the same name, and then the log groups are taken, too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from backend_service.names import (
    build_log_group_name,
    release_log_group_name,
    task_log_group_name,
)
from core_infra.names import exec_log_group_name
from settings import Settings
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Question, Result, ok, problem


@dataclass(frozen=True)
class UniqueName:
    """A name that a stack gives to its resource of a CloudFormation type.

    `setting` is the key that decides the name.
    """

    kind: str
    name: str
    stack: str
    setting: str


def unique_names(settings: Settings) -> list[UniqueName]:
    """Return the names that the doctor looks for, with the stacks that have them."""
    service, stack = settings.service, settings.service_stack_name
    name = service.full_name
    found = [
        UniqueName("AWS::ECR::Repository", repository, stack, "ecr_repository_name")
        for repository in (service.ecr_repository_name, service.builds_repository_name)
    ]
    log_groups = (
        task_log_group_name(service.ecs_cluster_name, service.service_name),
        build_log_group_name(name),
        release_log_group_name(name),
    )
    found += [UniqueName("AWS::Logs::LogGroup", g, stack, "service_name") for g in log_groups]
    if core := settings.core:
        cluster, stack = core.ecs_cluster_name, settings.core_stack_name
        sessions = exec_log_group_name(cluster)
        found.append(UniqueName("AWS::ECS::Cluster", cluster, stack, "ecs_cluster_name"))
        found.append(UniqueName("AWS::Logs::LogGroup", sessions, stack, "ecs_cluster_name"))
    return found


def name_questions(settings: Settings) -> Iterator[Question]:
    """Yield one question for each name: whether its stack can have it."""
    for name in unique_names(settings):
        about, is_taken = _TYPES[name.kind]
        yield Question(f"name of the {about}", partial(_is_free, name, is_taken))


def _is_free(
    name: UniqueName, is_taken: Callable[[Aws, str], bool], _: Settings, aws: Aws
) -> Result:
    if not is_taken(aws, name.name):
        return ok(f"{name.name} is free")
    if name.name in aws.stack_resources(name.stack).get(name.kind, ()):
        return ok(f"{name.name} is in {name.stack}")
    return problem(
        f"{name.name} exists, but not in {name.stack}",
        f"delete it, or choose another {name.setting}",
    )


def _repository(aws: Aws, name: str) -> bool:
    describe = aws.client("ecr").describe_repositories
    return bool(reply_or_none(describe, "RepositoryNotFoundException", repositoryNames=[name]))


def _log_group(aws: Aws, name: str) -> bool:
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(group["logGroupName"] == name for group in groups)


def _cluster(aws: Aws, name: str) -> bool:
    clusters = aws.client("ecs").describe_clusters(clusters=[name])["clusters"]
    return any(cluster["status"] != "INACTIVE" for cluster in clusters)


_TYPES: Mapping[str, tuple[str, Callable[[Aws, str], bool]]] = {
    "AWS::ECR::Repository": ("repository", _repository),
    "AWS::ECS::Cluster": ("cluster", _cluster),
    "AWS::Logs::LogGroup": ("log group", _log_group),
}
"""For each type its name in English, and the function that says whether a name is taken."""

"""Names that may exist only once in an account and region, and whether they are free.

The stacks also name a pipeline, a build project, a dashboard and alarms. These are taken only if
another stack has a service of the same name, and then the log groups are taken, too.
"""

from collections.abc import Callable, Iterator, Mapping

from backend_service.names import (
    build_log_group_name,
    release_log_group_name,
    task_log_group_name,
)
from settings import Settings
from settings.names import exec_log_group_name
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Question, Result, ok, problem


def unique_names(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    """Yield stack, type and name of each resource, and the setting that decides its name."""
    service, cluster = settings.service, settings.service.ecs_cluster_name
    if settings.core:
        stack = settings.core_stack_name
        yield stack, "AWS::ECS::Cluster", cluster, "ecs_cluster_name"
        yield stack, "AWS::Logs::LogGroup", exec_log_group_name(cluster), "ecs_cluster_name"
    stack = settings.service_stack_name
    for repository in (service.ecr_repository_name, service.builds_repository_name):
        yield stack, "AWS::ECR::Repository", repository, "ecr_repository_name"
    for log_group in (
        task_log_group_name(cluster, service.service_name),
        build_log_group_name(service.full_name),
        release_log_group_name(service.full_name),
    ):
        yield stack, "AWS::Logs::LogGroup", log_group, "service_name"


def name_questions(settings: Settings) -> Iterator[Question]:
    """Yield one question for each name: whether its stack can have it."""
    for stack, kind, name, setting in unique_names(settings):
        yield _question(stack, kind, name, setting)


def _question(stack: str, kind: str, name: str, setting: str) -> Question:
    about, is_taken = _TYPES[kind]

    def answer(_: Settings, aws: Aws) -> Result:
        if not is_taken(aws, name):
            return ok(f"{name} is free")
        if name in aws.stack_resources(stack).get(kind, ()):
            return ok(f"{name} is in {stack}")
        return problem(
            f"{name} exists, but not in {stack}", f"delete it, or choose another {setting}"
        )

    return Question(f"name of the {about}", answer)


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

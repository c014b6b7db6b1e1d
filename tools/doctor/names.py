"""Names that may exist only once in an account and region, and whether they are free.

The stacks also name a pipeline, a build project, a dashboard and alarms. These are taken only if
another stack has a service of the same name, and then the log groups are taken, too.
"""

from collections.abc import Callable, Iterator, Mapping

import backend_service.names
import core_infra.names
from settings import Settings
from tools.doctor.aws import Aws, reply_or_none
from tools.doctor.check import Question, Result, ok, problem


def name_questions(settings: Settings) -> Iterator[Question]:
    """Yield one question for each name: whether its stack can have it."""
    service, cluster = settings.service, settings.service.ecs_cluster_name
    if settings.core:
        for kind, name in core_infra.names.unique_names(cluster):
            yield from _question(kind, name, settings.core_stack_name, "ecs_cluster_name")
    for kind, name in backend_service.names.unique_names(
        ecs_cluster_name=cluster,
        service_name=service.service_name,
        ecr_repository_name=service.ecr_repository_name,
    ):
        setting = "ecr_repository_name" if kind == "AWS::ECR::Repository" else "service_name"
        yield from _question(kind, name, settings.service_stack_name, setting)


def _question(kind: str, name: str, stack: str, setting: str) -> Iterator[Question]:
    if kind in _TYPES:
        about, is_taken = _TYPES[kind]

        def answer(_: Settings, aws: Aws) -> Result:
            if not is_taken(aws, name):
                return ok(f"{name} is free")
            if name in aws.stack_resources(stack).get(kind, ()):
                return ok(f"{name} is in {stack}")
            return problem(
                f"{name} exists, but not in {stack}", f"delete it, or choose another {setting}"
            )

        yield Question(f"name of the {about}", answer)


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

"""Names that only one may have: free, or taken by the stack itself, or by somebody else."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

import backend_service.names
import core_infra.names
from settings import Settings
from tools.doctor.aws import Aws, code_of
from tools.doctor.check import Context, Result, ok, problem


@dataclass(frozen=True)
class FreeName:
    """Whether the stack can give the name to its resource of a type (as CloudFormation calls it).

    `setting` is the key that decides the name.
    """

    kind: str
    name: str
    stack: str
    setting: str

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"name of the {_TYPES[self.kind][0]}"

    def examine(self, context: Context) -> Result:
        """Look for something of that name, and if there is, for its stack."""
        is_taken = _TYPES[self.kind][1]
        if not is_taken(context.aws, self.name):
            return ok(f"{self.name} is free")
        if self.name in context.aws.stack_resources(self.stack).get(self.kind, ()):
            return ok(f"{self.name} is ours")
        return problem(
            f"{self.name} exists, but not in {self.stack}",
            f"delete it, or choose another {self.setting}",
        )


def names_of(settings: Settings) -> Iterator[FreeName]:
    """Yield what the stacks name themselves; everything else gets its name from CloudFormation."""
    service = settings.service
    if core := settings.core:
        for kind, name in core_infra.names.unique_names(core.ecs_cluster_name):
            yield FreeName(kind, name, settings.core_stack_name, "ecs_cluster_name")
    for kind, name in backend_service.names.unique_names(
        cluster_name=service.ecs_cluster_name,
        service_name=service.service_name,
        repository_name=service.ecr_repository_name,
    ):
        setting = "ecr_repository_name" if kind == "AWS::ECR::Repository" else "service_name"
        yield FreeName(kind, name, settings.service_stack_name, setting)


def _unless(code: str, call: Callable[[], object]) -> bool:
    """Say whether the call finds something; the code is what AWS answers if not."""
    try:
        call()
    except ClientError as error:
        if code_of(error) != code:
            raise
        return False
    return True


def _repository(aws: Aws, name: str) -> bool:
    describe = aws.client("ecr").describe_repositories
    return _unless("RepositoryNotFoundException", lambda: describe(repositoryNames=[name]))


def _log_group(aws: Aws, name: str) -> bool:
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return any(group["logGroupName"] == name for group in groups)


def _cluster(aws: Aws, name: str) -> bool:
    clusters = aws.client("ecs").describe_clusters(clusters=[name])["clusters"]
    return any(cluster["status"] != "INACTIVE" for cluster in clusters)


def _project(aws: Aws, name: str) -> bool:
    return bool(aws.client("codebuild").batch_get_projects(names=[name])["projects"])


def _pipeline(aws: Aws, name: str) -> bool:
    get = aws.client("codepipeline").get_pipeline
    return _unless("PipelineNotFoundException", lambda: get(name=name))


def _dashboard(aws: Aws, name: str) -> bool:
    # By listing: one missing dashboard has different error codes, by the protocol of the client.
    found = aws.client("cloudwatch").list_dashboards(DashboardNamePrefix=name)
    return any(entry["DashboardName"] == name for entry in found["DashboardEntries"])


def _alarm(aws: Aws, name: str) -> bool:
    return bool(aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"])


_TYPES: Mapping[str, tuple[str, Callable[[Aws, str], bool]]] = {
    "AWS::CloudWatch::Alarm": ("alarm", _alarm),
    "AWS::CloudWatch::Dashboard": ("dashboard", _dashboard),
    "AWS::CodeBuild::Project": ("build project", _project),
    "AWS::CodePipeline::Pipeline": ("pipeline", _pipeline),
    "AWS::ECR::Repository": ("repository", _repository),
    "AWS::ECS::Cluster": ("cluster", _cluster),
    "AWS::Logs::LogGroup": ("log group", _log_group),
}
"""By type how it is called, and how to find out whether a name is taken."""

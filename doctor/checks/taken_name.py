"""Names that only one may have: free, or taken by the stack itself, or by somebody else."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from doctor.answer import Answer, ok, problem
from doctor.aws import Aws
from doctor.check import Case
from doctor.refusal import code_of
from settings import Settings

_Finder = Callable[[Aws, str], bool]


@dataclass(frozen=True)
class Name:
    """A name that a stack gives to a resource of a type (as CloudFormation calls it)."""

    kind: str
    name: str
    stack: str
    setting: str


def names_of(settings: Settings) -> Iterator[Name]:
    """Yield what the stacks name themselves; everything else gets its name from CloudFormation."""
    service, stack = settings.service, settings.service_stack_name
    if core := settings.core:
        cluster = core.ecs_cluster_name
        for kind, name in (("ECS::Cluster", cluster), ("Logs::LogGroup", f"/ecs-exec/{cluster}")):
            yield Name(f"AWS::{kind}", name, settings.core_stack_name, "ecs_cluster_name")
    repository = service.ecr_repository_name
    yield Name("AWS::ECR::Repository", repository, stack, "ecr_repository_name")
    for kind, name in (
        ("Logs::LogGroup", f"/ecs/{service.ecs_cluster_name}/{service.service_name}"),
        ("Logs::LogGroup", f"/aws/codebuild/{service.full_name}"),
        ("Logs::LogGroup", f"/aws/codepipeline/{service.full_name}"),
        ("CodeBuild::Project", service.full_name),
        ("CodePipeline::Pipeline", service.full_name),
        ("CloudWatch::Dashboard", service.full_name),
    ):
        yield Name(f"AWS::{kind}", name, stack, "service_name")


@dataclass(frozen=True)
class FreeName:
    """Whether the stack can give the name."""

    name: Name

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"name of the {_TYPES[self.name.kind][0]}"

    def examine(self, case: Case) -> Answer:
        """Look for something of that name, and if there is, for its stack."""
        name, taken = self.name, _TYPES[self.name.kind][1]
        if not taken(case.aws, name.name):
            return ok(f"{name.name} is free")
        if name.name in case.aws.stack_resources(name.stack).get(name.kind, ()):
            return ok(f"{name.name} is ours")
        return problem(
            f"{name.name} exists, but not in {name.stack}",
            f"delete it, or choose another {name.setting}",
        )


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


_TYPES: Mapping[str, tuple[str, _Finder]] = {
    "AWS::CloudWatch::Dashboard": ("dashboard", _dashboard),
    "AWS::CodeBuild::Project": ("build project", _project),
    "AWS::CodePipeline::Pipeline": ("pipeline", _pipeline),
    "AWS::ECR::Repository": ("repository", _repository),
    "AWS::ECS::Cluster": ("cluster", _cluster),
    "AWS::Logs::LogGroup": ("log group", _log_group),
}

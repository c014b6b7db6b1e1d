"""What a deploy to AWS can show: questions about a deployed service, all of them only read.

Each answer has two texts: what the rehearsal says, and what the account says. This is the only
place that has the first one. On a local AWS both are equal, which the test of the playground shows.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from backend_service.names import LIVE_TAG
from core_infra.service_discovery import NEGATIVE_TTL_SECONDS
from tools.doctor.aws import Aws, listed
from tools.operations.service import LOG_GROUPS, DeployedService, image_digests

_COMPLETE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_MOST_REASONS = 3
_LINES = ("ERROR no database", "2026-11-27 10:00:00 ERROR no database", "GET /ERROR 404")


class NoAnswerError(Exception):
    """The account has nothing yet that could be compared; the message says what is missing."""


class Answer(NamedTuple):
    """What the rehearsal says, and what was found in the account."""

    rehearsed: str
    found: str


class Deployed:
    """A deployed service, and what several questions need to know about it."""

    def __init__(self, service: DeployedService) -> None:
        self.service, self.settings = service, service.settings
        self.call, self.pages = service.account.call, service.account.pages
        self.aws = Aws(service.settings.aws_region)
        own = {"core stack": self.settings.core_stack_name} if self.settings.core else {}
        self.stacks = {**own, "service stack": self.settings.service_stack_name}

    @cached_property
    def described(self) -> dict[str, Any]:
        """The service, as ECS describes it."""
        return self.service.describe()

    @cached_property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that run or start."""
        return self.service.tasks()

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The task definition of the service."""
        return self.newest_revision(self.described["taskDefinition"])


    def newest_revision(self, name: str) -> dict[str, Any]:
        """Return a task definition, or the newest one of a family."""
        found = self.call("ecs", "describe_task_definition", taskDefinition=name)
        return dict(found["taskDefinition"])

    @cached_property
    def executions(self) -> list[dict[str, Any]]:
        """The executions of the pipeline, the newest first."""
        name = self.settings.service.full_name
        found = self.call("codepipeline", "list_pipeline_executions", pipelineName=name)
        return list(found["pipelineExecutionSummaries"])

    def events(self, stack: str) -> Iterator[dict[str, Any]]:
        """Yield the events of a stack, the newest first."""
        for page in self.pages("cloudformation", "describe_stack_events", StackName=stack):
            yield from page["StackEvents"]

    def actions(self, execution: str) -> list[dict[str, Any]]:
        """Return the actions of an execution, in the order of their starts."""
        found = self.call(
            *("codepipeline", "list_action_executions"),
            pipelineName=self.settings.service.full_name,
            filter={"pipelineExecutionId": execution},
        )
        return sorted(found["actionExecutionDetails"], key=lambda action: action["startTime"])

    def newest(self, *statuses: str) -> str:
        """Return the id of the newest execution with one of the statuses, but of no rollback."""
        for each in self.executions:
            if each["status"] in statuses and each.get("executionType") != "ROLLBACK":
                return str(each["pipelineExecutionId"])
        raise NoAnswerError(f"no delivery is {' or '.join(statuses)}")


def _stacks(deployed: Deployed) -> Answer:
    """A resource that failed and was tried again counts, too: a permission may be missing."""
    found = []
    for stack in deployed.stacks.values():
        status = deployed.aws.status_of_stack(stack)
        found += [status] if status not in _COMPLETE else []
        for event in deployed.events(stack):
            if event["ResourceStatus"].endswith("FAILED"):
                found.append(f"{event['ResourceType']}: {event.get('ResourceStatusReason', '')}")
    return Answer("all is complete", "; ".join(found[-_MOST_REASONS:]) or "all is complete")


def _tasks(deployed: Deployed) -> Answer:
    described = deployed.described
    wanted = max(deployed.settings.service.desired_count, described["desiredCount"])
    states = {each.get("rolloutState", "") for each in described["deployments"]}
    found = f"{described['runningCount']} run, rollout {', '.join(sorted(states))}"
    return Answer(f"{wanted} run, rollout COMPLETED", found)


def _failed_tasks(deployed: Deployed) -> Answer:
    ended = deployed.service.tasks(desiredStatus="STOPPED")
    reasons = [
        f"{task.get('stoppedReason', '')} {container.get('reason', '')}".strip()
        for task in ended
        for container in task["containers"][:1]
        if task.get("stopCode") in {"TaskFailedToStart", "EssentialContainerExited"}
        or "failed" in task.get("stoppedReason", "")
    ]
    return Answer("none", "; ".join(sorted(set(reasons))[:_MOST_REASONS]) or "none")


def _images(deployed: Deployed) -> Answer:
    service = deployed.settings.service
    live = deployed.call(
        *("ecr", "describe_images"),
        repositoryName=service.ecr_repository_name,
        imageIds=[{"imageTag": LIVE_TAG}],
    )["imageDetails"][0]["imageDigest"]
    (named,) = (
        container["image"].partition("@")[2] or live
        for container in deployed.definition["containerDefinitions"]
        if container["name"] == service.container_name
    )
    others = {named, *image_digests(deployed.tasks, service.container_name)} - {live}
    found = f"{len(others)} without the tag {LIVE_TAG}" if others else "all have the tag live"
    return Answer(f"all have the tag {LIVE_TAG}", found)


def _revision(deployed: Deployed) -> Answer:
    newest = deployed.newest_revision(deployed.definition["family"])["revision"]
    behind = newest - deployed.definition["revision"]
    return Answer("the newest one", f"{behind} before the newest" if behind else "the newest one")


def _started_by(deployed: Deployed) -> Answer:
    known = {each["id"] for each in deployed.described["deployments"]}
    strangers = {task.get("startedBy", "nobody") for task in deployed.tasks} - known
    return Answer("a deployment", ", ".join(sorted(strangers)) or "a deployment")


def _discovery(deployed: Deployed) -> Answer:
    service = deployed.settings.service
    found = deployed.call(
        *("servicediscovery", "discover_instances"),
        NamespaceName=service.namespace_name,
        ServiceName=service.service_name,
    )["Instances"]
    healthy = sum(each["HealthStatus"] == "HEALTHY" for each in found)
    rehearsed = f"{deployed.described['runningCount']} healthy, 0 other"
    return Answer(rehearsed, f"{healthy} healthy, {len(found) - healthy} other")


def _missing_names(deployed: Deployed) -> Answer:
    """Resolvers use the smaller one of the TTL and the last number of the SOA record."""
    if not deployed.settings.core:
        raise NoAnswerError("the namespace is not in these stacks")
    resources = deployed.aws.stack_resources(deployed.settings.core_stack_name)
    seconds = set()
    for namespace in resources["AWS::ServiceDiscovery::PrivateDnsNamespace"]:
        found = deployed.call("servicediscovery", "get_namespace", Id=namespace)["Namespace"]
        zone = found["Properties"]["DnsProperties"]["HostedZoneId"]
        records = deployed.call("route53", "list_resource_record_sets", HostedZoneId=zone)
        for record in records["ResourceRecordSets"]:
            if record["Type"] == "SOA":
                minimum = record["ResourceRecords"][0]["Value"].split()[-1]
                seconds.add(min(record["TTL"], int(minimum)))
    return Answer(f"{NEGATIVE_TTL_SECONDS} s", f"{', '.join(map(str, sorted(seconds)))} s")


def _log_groups(deployed: Deployed) -> Answer:
    days = deployed.settings.service.log_retention_days
    declared = {
        name
        for stack in deployed.stacks.values()
        for name in deployed.aws.stack_resources(stack).get("AWS::Logs::LogGroup", ())
    }
    pages = deployed.pages("logs", "describe_log_groups")
    groups = {group["logGroupName"]: group for page in pages for group in page["logGroups"]}
    kept = [name for name in declared if groups.get(name, {}).get("retentionInDays") == days]
    rehearsed = f"{len(declared)} keep logs for {days} days"
    return Answer(rehearsed, f"{len(kept)} keep logs for {days} days")


def _passed_roles(deployed: Deployed) -> Answer:
    """Look at all roles of the stack, whichever of them rolls out."""
    known = {
        deployed.definition["taskRoleArn"]: "task role",
        deployed.definition["executionRoleArn"]: "execution role",
    }
    stack = deployed.settings.service_stack_name
    passed = set()
    for role in deployed.aws.stack_resources(stack)["AWS::IAM::Role"]:
        names = deployed.call("iam", "list_role_policies", RoleName=role)["PolicyNames"]
        for name in names:
            found = deployed.call("iam", "get_role_policy", RoleName=role, PolicyName=name)
            for statement in listed(found["PolicyDocument"]["Statement"]):
                if "iam:PassRole" in listed(statement.get("Action", [])):
                    passed |= {known.get(arn, arn) for arn in listed(statement["Resource"])}
    return Answer("execution role, task role", ", ".join(sorted(passed)))


def _delivery(deployed: Deployed) -> Answer:
    name = deployed.settings.service.full_name
    stages = deployed.call("codepipeline", "get_pipeline", name=name)["pipeline"]["stages"]
    wanted = [action["name"] for stage in stages for action in stage["actions"]]
    found = []
    for action in deployed.actions(deployed.newest("Succeeded", "Failed")):
        error = action.get("output", {}).get("executionResult", {}).get("errorDetails", {})
        words = (action["actionName"], action["status"], error.get("message", ""))
        found.append(" ".join(filter(None, words)))
    return Answer(", ".join(f"{each} Succeeded" for each in wanted), ", ".join(found))


def _stopped(deployed: Deployed) -> Answer:
    newest = deployed.newest("Stopped")
    (stop,) = (
        each.get("stopTrigger", {}).get("reason", "")
        for each in deployed.executions
        if each["pipelineExecutionId"] == newest
    )
    return Answer("is there", "is there" if stop else "is missing")


def _reports(deployed: Deployed) -> Answer:
    service, minute = deployed.settings.service, timedelta(minutes=1)
    end = datetime.now(UTC).replace(second=0, microsecond=0) - minute
    names = {"ClusterName": service.ecs_cluster_name, "ServiceName": service.service_name}
    found = deployed.call(
        *("cloudwatch", "get_metric_statistics"),
        Namespace="AWS/ECS",
        MetricName="CPUUtilization",
        Dimensions=[{"Name": name, "Value": value} for name, value in names.items()],
        StartTime=end - 5 * minute,
        EndTime=end,
        Period=60,
        Statistics=["SampleCount"],
    )["Datapoints"]
    if not found:
        raise NoAnswerError("CloudWatch has no reports of the last minutes")
    newest = max(found, key=lambda point: point["Timestamp"])
    return Answer(f"{deployed.described['runningCount']}", f"{newest['SampleCount']:g}")


def _error_lines(deployed: Deployed) -> Answer:
    """The last of the lines is a caller's: it must not set off the alarm."""
    group = LOG_GROUPS["service"](deployed.settings)
    filters = deployed.call("logs", "describe_metric_filters", logGroupName=group)["metricFilters"]
    pattern = {"filterPattern": filters[0]["filterPattern"], "logEventMessages": list(_LINES)}
    matches = deployed.call("logs", "test_metric_filter", **pattern)["matches"]
    return Answer("lines 1, 2", f"lines {', '.join(str(each['eventNumber']) for each in matches)}")


class Question(NamedTuple):
    """A question, and words of the row of docs/unproven.md that it is about, if there is one."""

    about: str
    answer: Callable[[Deployed], Answer]
    row: str = ""


QUESTIONS = (
    Question("Resources of the stacks", _stacks, "The roles have all permissions"),
    Question("Tasks", _tasks, "Alarms do not roll back the first deployment"),
    Question("Tasks that failed", _failed_tasks, "let the traffic through"),
    Question("Images of the tasks", _images, "each task pulls what is `live`"),
    Question("Task definition of the service", _revision),
    Question("Who started the tasks", _started_by, "names the deployment"),
    Question("Instances in Cloud Map", _discovery, "until its health check passes"),
    Question("Resolvers remember a missing name for", _missing_names, "forget a missing name"),
    Question("Log groups", _log_groups, "No late write creates a log group"),
    Question("Roles that the delivery may pass", _passed_roles, "cannot pass the execution role"),
    Question("Delivery", _delivery, "Release receives the exported variable"),
    Question("Reason of a stopped delivery", _stopped, "ECS publishes its event within seconds"),
    Question("Reports of CPU in a minute", _reports, "CPU reports in a minute"),
    Question("Error lines that the alarm counts", _error_lines),
)
"""In the order of docs/first-deploy.md."""


def times(deployed: Deployed) -> Iterator[str]:
    """Yield how long the stacks and the actions of a delivery took; the rehearsal is faster."""
    for about, stack in deployed.stacks.items():
        of_stack = [e for e in deployed.events(stack) if e["ResourceType"].endswith("::Stack")]
        begin = of_stack[-1]["Timestamp"]
        ends = (e["Timestamp"] for e in reversed(of_stack) if e["ResourceStatus"] in _COMPLETE)
        yield f"{about} {_seconds(begin, next(ends, begin))}"
    for action in deployed.actions(deployed.newest("Succeeded")):
        end = action["lastUpdateTime"]
        yield f"{action['actionName']} {_seconds(action['startTime'], end)}"


def _seconds(begin: datetime, end: datetime) -> str:
    return f"{(end - begin).total_seconds():.0f} s"

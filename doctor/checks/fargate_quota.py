"""The quota of Fargate against the tasks of the service."""

import math
from datetime import UTC, datetime, timedelta

from doctor.answer import Answer, ok, problem
from doctor.aws import Aws
from doctor.check import Case
from doctor.checks.quota import quota_of, raise_quota

# Fargate On-Demand vCPU resource count:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
_QUOTA = ("fargate", "L-3032A538")
_CPU_UNITS = 1024  # to a vCPU


class FargateQuota:
    """Whether the account may run `max_count` tasks besides what it runs already."""

    what = "quota of Fargate vCPUs"

    def examine(self, case: Case) -> Answer:
        """Compare the quota with the highest use of the last hour and the tasks at their peak."""
        service = case.settings.service
        quota = quota_of(case.aws, *_QUOTA)
        # What runs of a deployed service is in the use already.
        there = case.aws.stack_resources(case.settings.service_stack_name).get("AWS::ECS::Service")
        used = 0.0 if there else _vcpus_in_use(case.aws)
        needed = service.max_count * service.task_cpu / _CPU_UNITS
        peak = f"max_count={service.max_count} tasks need {needed:g}"
        if used + needed > quota:
            return problem(
                f"{used:g} of {quota:g} in use, {peak}",
                raise_quota(*_QUOTA, math.ceil(used + needed)),
            )
        return ok(f"{used:g} of {quota:g} in use, {peak}")


def _vcpus_in_use(aws: Aws) -> float:
    now = datetime.now(UTC)
    dimensions = {"Service": "Fargate", "Type": "Resource", "Resource": "vCPU"}
    answer = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Usage",
        MetricName="ResourceCount",
        Dimensions=[
            {"Name": name, "Value": value}
            for name, value in {**dimensions, "Class": "Standard/OnDemand"}.items()
        ],
        StartTime=now - timedelta(hours=1),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )
    return max((point["Maximum"] for point in answer["Datapoints"]), default=0.0)

"""The cluster that is there already."""

from doctor.answer import Answer, not_checked, ok, problem
from doctor.check import Case


class ExistingCluster:
    """Whether the cluster takes services."""

    what = "existing cluster"

    def examine(self, case: Case) -> Answer:
        """Look for it, and for a service of that name that is not ours."""
        existing = case.settings.existing_platform
        if existing is None:
            return not_checked("there is no existing cluster")
        name = existing.ecs_cluster_name
        ecs = case.aws.client("ecs")
        clusters = ecs.describe_clusters(clusters=[name])["clusters"]
        if not clusters or clusters[0]["status"] != "ACTIVE":
            return problem(f"there is no active cluster {name}", "correct ecs_cluster_name")
        service, stack = case.settings.service.service_name, case.settings.service_stack_name
        found = ecs.describe_services(cluster=name, services=[service])["services"]
        arns = {entry["serviceArn"] for entry in found if entry["status"] != "INACTIVE"}
        if arns - case.aws.stack_resources(stack).get("AWS::ECS::Service", frozenset()):
            return problem(
                f"{name} has a service {service}, which is not in {stack}",
                "choose another service_name",
            )
        return ok(name)

"""The name of the service in a namespace that is there already."""

from doctor.answer import Answer, not_checked, ok, problem
from doctor.check import Case


class NameInNamespace:
    """Whether another service answers to the name already."""

    what = "name in the namespace"

    def examine(self, case: Case) -> Answer:
        """Look through the services of the namespace."""
        existing = case.settings.existing_platform
        if existing is None:
            return not_checked("there is no existing namespace")
        name, stack = case.settings.service.service_name, case.settings.service_stack_name
        pages = case.aws.client("servicediscovery").get_paginator("list_services")
        filters = [{"Name": "NAMESPACE_ID", "Values": [existing.namespace_id], "Condition": "EQ"}]
        services = pages.paginate(Filters=filters).build_full_result().get("Services", [])
        taken = [service["Id"] for service in services if service["Name"] == name]
        if not taken:
            return ok(f"{name} is free")
        ours = case.aws.stack_resources(stack).get("AWS::ServiceDiscovery::Service", ())
        if taken[0] in ours:
            return ok(f"{name} is ours")
        return problem(
            f"{name} is taken by {taken[0]}, which is not in {stack}", "choose another service_name"
        )

"""The Cloud Map namespace that is there already."""

from botocore.exceptions import ClientError

from doctor.answer import Answer, not_checked, ok, problem
from doctor.check import Case
from doctor.checks.vpc import vpcs_of
from doctor.refusal import code_of

_GONE = frozenset({"NamespaceNotFound", "NoSuchHostedZone"})


class ExistingNamespace:
    """Whether it is the private namespace of that name, and resolves in the VPC."""

    what = "existing namespace"

    def examine(self, case: Case) -> Answer:
        """Look for it, and for the VPC among those of its hosted zone."""
        existing = case.settings.existing_platform
        if existing is None:
            return not_checked("there is no existing namespace")
        try:
            return self._examine(case, existing.namespace_id, existing.namespace_name)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            return problem(f"there is no namespace {existing.namespace_id}", "correct namespace_id")

    @staticmethod
    def _examine(case: Case, namespace_id: str, name: str) -> Answer:
        client = case.aws.client("servicediscovery")
        namespace = client.get_namespace(Id=namespace_id)["Namespace"]
        if namespace["Name"] != name:
            return problem(
                f"{namespace_id} is named {namespace['Name']}",
                "correct namespace_name or namespace_id",
            )
        if namespace["Type"] != "DNS_PRIVATE":
            return problem(f"{name} is {namespace['Type']}", "choose a private DNS namespace")
        vpcs = vpcs_of(case)
        if len(vpcs) != 1:
            return not_checked("needs the VPC")
        zone = namespace["Properties"]["DnsProperties"]["HostedZoneId"]
        linked = case.aws.client("route53").get_hosted_zone(Id=zone).get("VPCs", [])
        if vpcs[0]["VpcId"] not in {vpc["VPCId"] for vpc in linked}:
            return problem(
                f"{name} does not resolve in {vpcs[0]['VpcId']}", "choose a namespace of that VPC"
            )
        return ok(name)

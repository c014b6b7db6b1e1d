"""The private DNS namespaces in which services are found by name."""

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_servicediscovery as cloudmap
from constructs import Construct


class ServiceDiscovery(Construct):
    """One Cloud Map private DNS namespace, with its hosted zone in ``vpc``, per name.

    ``names`` are full domain names, each once. Exposes ``namespaces`` in their order.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: Sequence[str], vpc: ec2.IVpc
    ) -> None:
        super().__init__(scope, construct_id)
        # The name is the construct id: adding or reordering names replaces no namespace.
        self.namespaces = tuple(
            cloudmap.PrivateDnsNamespace(self, name, name=name, vpc=vpc) for name in names
        )

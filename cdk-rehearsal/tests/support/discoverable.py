"""Templates of a service that is registered in Cloud Map, with a network of its own."""

from typing import Any

Resources = dict[str, Any]

NAMESPACE = "default.local"
HOST = f"backend.{NAMESPACE}"


def network(cidr: str = "10.3.0.0/16") -> Resources:
    """Return a VPC with a security group, and a private subnet in each of three zones."""
    start = cidr.removesuffix("0.0/16")
    subnets = {
        f"Subnet{zone.upper()}": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": f"{start}{number}.0/24",
                "AvailabilityZone": f"eu-west-1{zone}",
            },
        }
        for number, zone in enumerate("abc")
    }
    vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": cidr}}
    group = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "GroupDescription": "tasks"},
    }
    return {"Vpc": vpc, "Group": group, **subnets}


def registry() -> Resources:
    """Return a private namespace with one discovery service."""
    namespace = {
        "Type": "AWS::ServiceDiscovery::PrivateDnsNamespace",
        "Properties": {"Name": NAMESPACE, "Vpc": {"Ref": "Vpc"}},
    }
    discovery = {
        "Type": "AWS::ServiceDiscovery::Service",
        "Properties": {
            "Name": "backend",
            "NamespaceId": {"Fn::GetAtt": ["Namespace", "Id"]},
            "DnsConfig": {
                "DnsRecords": [{"Type": "A", "TTL": 10}],
                "RoutingPolicy": "MULTIVALUE",
            },
            "HealthCheckCustomConfig": {},
        },
    }
    return {"Namespace": namespace, "Discovery": discovery}


def service(*, count: int = 3, image: str = "example.com/backend:1") -> Resources:
    """Return a cluster with a Fargate service of this many tasks."""
    subnets = [{"Ref": f"Subnet{zone}"} for zone in "ABC"]
    awsvpc = {"Subnets": subnets, "SecurityGroups": [{"Fn::GetAtt": ["Group", "GroupId"]}]}
    task = {
        "Family": "backend",
        "Cpu": "256",
        "Memory": "512",
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "ContainerDefinitions": [{"Name": "app", "Image": image}],
    }
    properties = {
        "ServiceName": "backend",
        "Cluster": {"Ref": "Cluster"},
        "TaskDefinition": {"Ref": "Task"},
        "LaunchType": "FARGATE",
        "DesiredCount": count,
        "ServiceRegistries": [{"RegistryArn": {"Fn::GetAtt": ["Discovery", "Arn"]}}],
        "NetworkConfiguration": {"AwsvpcConfiguration": awsvpc},
        "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}},
    }
    return {
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "infra"}},
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": task},
        "Service": {"Type": "AWS::ECS::Service", "Properties": properties},
    }


def everything(cidr: str = "10.3.0.0/16", **options: Any) -> Resources:
    return network(cidr) | registry() | service(**options)


OUTPUTS = {
    name: {"Value": {"Ref": name}}
    for name in ("Vpc", "Group", "SubnetA", "SubnetB", "SubnetC", "Namespace", "Discovery")
}

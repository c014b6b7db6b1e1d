"""What is said of the running service in one line each, and the port that it is called on."""

from collections.abc import Iterator, Mapping
from typing import Any

from picture.templates import Templates, plain


def facts(templates: Templates) -> Iterator[str]:
    """Yield the lines."""
    yield f"{_task_count(templates)} of {_task_size(templates)}"
    policies = [
        policy.properties["TargetTrackingScalingPolicyConfiguration"]
        for policy in templates.of("AWS::ApplicationAutoScaling::ScalingPolicy")
    ]
    if policies:
        targets = " or ".join(f"{p['TargetValue']:g} % {_metric(p)}" for p in policies)
        yield f"scales at {targets}"
    for service in templates.of("AWS::ECS::Service"):
        guards = service.properties["DeploymentConfiguration"]
        failed = _rolls_back(guards, "DeploymentCircuitBreaker") * ["failure"]
        alarmed = _rolls_back(guards, "Alarms") * ["alarm"]
        if reasons := " or ".join([*failed, *alarmed]):
            yield f"rolls back on {reasons}"
        network = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        private = network["AssignPublicIp"] == "DISABLED"
        if private and (port := port_for_callers(templates)) and _openings(templates) == 1:
            yield f"no public address, only port {port} is open"


def port_for_callers(templates: Templates) -> str:
    """Return the port that the service's security group opens to the whole VPC, or nothing."""
    vpcs = templates.of("AWS::EC2::VPC")
    for service in templates.of("AWS::ECS::Service"):
        for group in templates.referred(service, service.properties["NetworkConfiguration"]):
            for rule in group.properties.get("SecurityGroupIngress", ()):
                cidr = rule.get("CidrIp")
                named = any(templates.refers(group, cidr, vpc) for vpc in vpcs)
                if named or cidr in [vpc.properties["CidrBlock"] for vpc in vpcs]:
                    return plain(rule["FromPort"])
    return ""


def _openings(templates: Templates) -> int:
    """Return how many rules and ports let others in."""
    if templates.of("AWS::EC2::SecurityGroupIngress"):
        return 0
    return sum(
        1 + int(rule["ToPort"]) - int(rule["FromPort"])
        for service in templates.of("AWS::ECS::Service")
        for group in templates.referred(service, service.properties["NetworkConfiguration"])
        for rule in group.properties.get("SecurityGroupIngress", ())
    )


def _task_count(templates: Templates) -> str:
    (target,) = templates.of("AWS::ApplicationAutoScaling::ScalableTarget")
    low, high = target.properties["MinCapacity"], target.properties["MaxCapacity"]
    return f"{low} tasks" if low == high else f"{low} to {high} tasks"


def _task_size(templates: Templates) -> str:
    (task,) = templates.of("AWS::ECS::TaskDefinition")
    cpu = int(task.properties["Cpu"]) / 1024
    return f"{cpu:g} vCPU and {task.properties['Memory']} MB"


def _metric(policy: Mapping[str, Any]) -> str:
    kind = policy["PredefinedMetricSpecification"]["PredefinedMetricType"]
    return "CPU" if "CPU" in kind else "memory"


def _rolls_back(guards: Mapping[str, Any], guard: str) -> bool:
    return bool(guards.get(guard, {}).get("Enable") and guards[guard]["Rollback"])

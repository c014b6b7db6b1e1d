"""The names that the doctor looks for."""

from settings.examples import CONNECTED, ISOLATED, example_deployment
from tools.doctor.account import MOST_ROLES_OF_CORE, MOST_ROLES_OF_SERVICE
from tools.doctor.names import unique_names
from tools.example_templates import example_templates

_NAMED_BY = {
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::Logs::LogGroup": "LogGroupName",
}


def test_they_are_those_that_the_templates_give() -> None:
    (settings,) = example_deployment({})
    given = {
        (stack, resource["Type"], resource["Properties"][key])
        for stack, template in example_templates().items()
        for resource in template["Resources"].values()
        if (key := _NAMED_BY.get(resource["Type"])) in resource.get("Properties", {})
    }
    assert {names[:3] for names in unique_names(settings)} == given


def test_no_stack_makes_more_roles_than_the_doctor_counts() -> None:
    most = {"CoreInfraStack": 0, "BackendServiceStack": 0}
    together = {**ISOLATED, **CONNECTED, "release_command": "migrate"}
    for stack, template in example_templates(**together).items():
        kinds = [resource["Type"] for resource in template["Resources"].values()]
        most[stack.removeprefix(CONNECTED["stack_prefix"])] = kinds.count("AWS::IAM::Role")
    assert [*most.values()] == [MOST_ROLES_OF_CORE, MOST_ROLES_OF_SERVICE]

"""The doctor's numbers about what the stacks create."""

from settings.examples import CONNECTED, ISOLATED
from tools.doctor.account import MOST_ROLES_OF_CORE, MOST_ROLES_OF_SERVICE
from tools.example_templates import example_templates


def test_no_stack_makes_more_roles_than_the_doctor_counts() -> None:
    most = {"CoreInfraStack": 0, "BackendServiceStack": 0}
    together = {**ISOLATED, **CONNECTED, "release_command": "migrate"}
    for stack, template in example_templates(**together).items():
        kinds = [resource["Type"] for resource in template["Resources"].values()]
        most[stack.removeprefix(CONNECTED["stack_prefix"])] = kinds.count("AWS::IAM::Role")
    assert [*most.values()] == [MOST_ROLES_OF_CORE, MOST_ROLES_OF_SERVICE]

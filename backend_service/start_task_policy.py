"""What ECS may do to start the tasks of one service."""

from collections.abc import Iterable

from aws_cdk import Names, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct


class StartTaskPolicy(Construct):
    """Attaches to ``role``: pull from ``repository``, write to ``log_group``, read ``secrets``.

    An explicit policy of the service's own stack, although grants would be shorter: the role may
    belong to another stack (a grant would make the two stacks depend on each other) or to nobody
    here, and the service must be able to wait for exactly this policy. Two services that share
    the role have one policy each. Exposes ``role``, to be used in task definitions; grants to it
    do nothing.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        role: iam.IRole,
        repository: ecr.IRepository,
        log_group: logs.ILogGroup,
        secret_arns: Iterable[str],
        parameter_arns: Iterable[str],
    ) -> None:
        super().__init__(scope, construct_id)
        self.role = iam.Role.from_role_arn(self, "Role", role.role_arn, mutable=False)
        statements = [
            iam.PolicyStatement(
                actions=["ecr:GetAuthorizationToken"],
                # The action has no resource-level permissions; it only signs in to ECR.
                resources=["*"],
            ),
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[repository.repository_arn],
            ),
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[log_group.log_group_arn],
            ),
        ]
        if secrets := sorted(set(secret_arns)):
            statements.append(
                iam.PolicyStatement(actions=["secretsmanager:GetSecretValue"], resources=secrets)
            )
        if parameters := sorted(set(parameter_arns)):
            statements.append(
                iam.PolicyStatement(actions=["ssm:GetParameters"], resources=parameters)
            )
        # CDK's own name says nothing of stack and region: on a shared role the policies of two
        # services would overwrite each other.
        name = f"{Names.unique_resource_name(self, max_length=100)}-{Stack.of(self).region}"
        iam.Policy(self, "Policy", policy_name=name, roles=[self.role], statements=statements)

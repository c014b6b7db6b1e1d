"""Where the pipeline gets the source from, and what starts it: a connection or a token."""

from dataclasses import dataclass
from typing import Protocol, cast

from aws_cdk import RemovalPolicy, SecretValue
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from backend_service.role_policies import artifact_statements

SOURCE = "Source"
"""The name of the source stage and of its only action."""


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch of a GitHub repository, and the folder in it whose changes are delivered.

    ``folder_path`` is relative to the repository's root; ``.`` is the root itself.
    """

    owner: str
    repository: str
    name: str
    folder_path: str


class PipelineSource(Protocol):
    """A way to read a branch: ``ConnectionSource`` or ``TokenSource``."""

    def add_to(self, pipeline: codepipeline.Pipeline, output: codepipeline.Artifact) -> None:
        """Add the source stage, which fills ``output``, and start ``pipeline`` on a push."""
        ...


@dataclass(frozen=True, kw_only=True)
class ConnectionSource:
    """Reads through a CodeConnections connection, which exists and has the status AVAILABLE.

    A push to the branch starts the pipeline only if it changes something under the folder. Creates
    the role of the action, which may use the connection and write the artifact.
    """

    branch: Branch
    connection_arn: str

    def add_to(self, pipeline: codepipeline.Pipeline, output: codepipeline.Artifact) -> None:
        """See ``PipelineSource``."""
        role = iam.Role(
            pipeline,
            "SourceRole",
            assumed_by=iam.ArnPrincipal(pipeline.role.role_arn),
            description=f"Reads {self.branch.owner}/{self.branch.repository}",
        )
        # The action of the service whose ARN the connection has: it had another name until 2024.
        # https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html
        service = self.connection_arn.split(":")[2]
        use = iam.PolicyStatement(
            actions=[f"{service}:UseConnection"], resources=[self.connection_arn]
        )
        # This action alone sets an ACL on what it writes.
        # https://github.com/aws/aws-cdk/issues/13557
        for statement in (use, *artifact_statements(pipeline.artifact_bucket, "s3:PutObjectAcl")):
            role.add_to_policy(statement)
        action = actions.CodeStarConnectionsSourceAction(
            action_name=SOURCE,
            connection_arn=self.connection_arn,
            owner=self.branch.owner,
            repo=self.branch.repository,
            branch=self.branch.name,
            output=output,
            # By itself the action does anything with the artifacts.
            role=role.without_policy_updates(),
            trigger_on_push=False,  # The trigger below does it, with a file filter.
        )
        pipeline.add_stage(stage_name=SOURCE, actions=[action])
        # An execution, of which a new pipeline starts one at once, must find the rights.
        cast("codepipeline.CfnPipeline", pipeline.node.default_child).node.add_dependency(role)
        pipeline.add_trigger(
            provider_type=codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION,
            git_configuration=codepipeline.GitConfiguration(
                source_action=action,
                push_filter=[
                    codepipeline.GitPushFilter(
                        branches_includes=[self.branch.name],
                        file_paths_includes=[_everything_in(self.branch.folder_path)],
                    )
                ],
            ),
        )


def _everything_in(folder_path: str) -> str:
    return "**" if folder_path == "." else f"{folder_path}/**"


@dataclass(frozen=True, kw_only=True)
class TokenSource:
    """Reads with a GitHub token: the whole text of the Secrets Manager secret of that name.

    The secret must exist at deploy. A webhook, which GitHub is told of, starts the pipeline at
    every push to the branch, whatever the push changes. Creates the webhook and the secret that
    its calls are signed with (deleted with the stack).
    """

    branch: Branch
    token_secret_name: str

    def add_to(self, pipeline: codepipeline.Pipeline, output: codepipeline.Artifact) -> None:
        """See ``PipelineSource``."""
        action = actions.GitHubSourceAction(
            action_name=SOURCE,
            owner=self.branch.owner,
            repo=self.branch.repository,
            branch=self.branch.name,
            oauth_token=SecretValue.secrets_manager(self.token_secret_name),
            output=output,
            # CDK's own webhook would be signed with the access token itself.
            trigger=actions.GitHubTrigger.NONE,
        )
        pipeline.add_stage(stage_name=SOURCE, actions=[action])
        scope = Construct(pipeline, "Webhook")
        signing_secret = secretsmanager.Secret(
            scope,
            "SigningSecret",
            description=f"Signs the webhook calls of {self.branch.owner}/{self.branch.repository}",
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True),
            removal_policy=RemovalPolicy.DESTROY,
        )
        codepipeline.CfnWebhook(
            scope,
            "Resource",
            authentication="GITHUB_HMAC",
            authentication_configuration=codepipeline.CfnWebhook.WebhookAuthConfigurationProperty(
                # Renders a dynamic reference: the template holds the secret's ARN, not its value.
                secret_token=signing_secret.secret_value.unsafe_unwrap()
            ),
            filters=[
                codepipeline.CfnWebhook.WebhookFilterRuleProperty(
                    json_path="$.ref", match_equals="refs/heads/{Branch}"
                )
            ],
            target_action=SOURCE,
            target_pipeline=pipeline.pipeline_name,
            target_pipeline_version=1,
            register_with_third_party=True,
        )

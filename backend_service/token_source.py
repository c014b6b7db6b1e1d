"""The source of the delivery pipeline, read with a GitHub token."""

from dataclasses import dataclass

from aws_cdk import RemovalPolicy, SecretValue
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from backend_service.pipeline_source import SOURCE, Branch


@dataclass(frozen=True, kw_only=True)
class TokenSource:
    """Reads with a GitHub token, kept as plain text in the Secrets Manager secret of that name.

    The secret must exist at deploy. A webhook starts the pipeline at every push to the branch.
    """

    branch: Branch
    token_secret_name: str

    def add_to(self, pipeline: codepipeline.Pipeline, output: codepipeline.Artifact) -> None:
        """See ``PipelineSource``. Also creates the secret that signs the webhook's calls."""
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

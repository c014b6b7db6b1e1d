"""What a delivery begins with, and what starts the pipeline: a connection, a token, or a sender."""

from typing import cast

from aws_cdk import RemovalPolicy, SecretValue
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from backend_service.artifacts import artifact_statements
from backend_service.deploy_actions import ReleaseFunction, call_statement
from backend_service.names import IMAGE_SOURCE_KEY
from settings import DeliverySettings

SOURCE = "Source"
"""The name of the source stage and of its only action."""

_IMAGE = "Image"
"""The second stage of a delivery of an image, its action, and the namespace of its variables."""


class Source(Construct):
    """Adds the stage to ``pipeline`` that reads the branch of ``delivery``.

    With a ``connection_arn`` it reads through that CodeConnections connection, and a push starts
    the pipeline if it changes a file in ``folder_path``. Creates the role of the action, which may
    use the connection and write the artifact.

    Otherwise it reads with the GitHub token in the secret ``github_token_secret_name``, which must
    exist at deploy. CloudFormation registers a webhook at GitHub, which starts the pipeline at
    every push to the branch. Creates the webhook, and a secret that signs its calls.

    Exposes ``output``, the artifact with the source.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        delivery: DeliverySettings,
        pipeline: codepipeline.Pipeline,
    ) -> None:
        super().__init__(scope, construct_id)
        self.output = codepipeline.Artifact()
        self._delivery = delivery
        self._pipeline = pipeline
        self._repository = f"{delivery.repository_owner}/{delivery.repository_name}"
        if delivery.connection_arn:
            self._read_through(delivery.connection_arn)
        elif delivery.github_token_secret_name:
            self._read_with_token_in(delivery.github_token_secret_name)

    def _read_through(self, connection_arn: str) -> None:
        delivery, pipeline = self._delivery, self._pipeline
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ArnPrincipal(pipeline.role.role_arn),
            description=f"Reads {self._repository}",
        )
        # AWS renamed the service in 2024. By its pages the action has the prefix of the ARN, but
        # users report refusals until a role had both, and AWS's own accelerator grants both.
        # https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html
        # https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/828
        use = iam.PolicyStatement(
            actions=["codeconnections:UseConnection", "codestar-connections:UseConnection"],
            resources=[connection_arn],
        )
        # No other action sets an ACL on the artifact that it writes.
        # https://github.com/aws/aws-cdk/issues/13557
        for statement in (use, *artifact_statements(pipeline.artifact_bucket, "s3:PutObjectAcl")):
            role.add_to_policy(statement)
        action = actions.CodeStarConnectionsSourceAction(
            action_name=SOURCE,
            connection_arn=connection_arn,
            owner=delivery.repository_owner,
            repo=delivery.repository_name,
            branch=delivery.repository_branch,
            output=self.output,
            # Without this role CDK would grant the action every right on the artifacts.
            role=role.without_policy_updates(),
            trigger_on_push=False,  # The trigger below has a file filter.
        )
        pipeline.add_stage(stage_name=SOURCE, actions=[action])
        # A new pipeline starts an execution at once, which must find the rights of the action.
        cast("codepipeline.CfnPipeline", pipeline.node.default_child).node.add_dependency(role)
        folder = delivery.folder_path
        pipeline.add_trigger(
            provider_type=codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION,
            git_configuration=codepipeline.GitConfiguration(
                source_action=action,
                push_filter=[
                    codepipeline.GitPushFilter(
                        branches_includes=[delivery.repository_branch],
                        file_paths_includes=["**" if folder == "." else f"{folder}/**"],
                    )
                ],
            ),
        )

    def _read_with_token_in(self, secret_name: str) -> None:
        delivery, pipeline = self._delivery, self._pipeline
        action = actions.GitHubSourceAction(
            action_name=SOURCE,
            owner=delivery.repository_owner,
            repo=delivery.repository_name,
            branch=delivery.repository_branch,
            oauth_token=SecretValue.secrets_manager(secret_name),
            output=self.output,
            # CDK would sign the calls of its own webhook with the access token.
            trigger=actions.GitHubTrigger.NONE,
        )
        pipeline.add_stage(stage_name=SOURCE, actions=[action])
        signing_secret = secretsmanager.Secret(
            self,
            "SigningSecret",
            description=f"Signs the webhook calls of {self._repository}",
            generate_secret_string=secretsmanager.SecretStringGenerator(exclude_punctuation=True),
            removal_policy=RemovalPolicy.DESTROY,
        )
        codepipeline.CfnWebhook(
            self,
            "Webhook",
            authentication="GITHUB_HMAC",
            authentication_configuration=codepipeline.CfnWebhook.WebhookAuthConfigurationProperty(
                # This is a dynamic reference: the template has the secret's ARN, not its value.
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


class ImageSource(Construct):
    """Adds the stages to ``pipeline`` that read which image is delivered, and look for it.

    The source is the object ``IMAGE_SOURCE_KEY`` of the artifact bucket. Whoever starts the
    pipeline writes it and names its version; nothing else starts the pipeline (decision 25).
    Creates the role of both actions. Exposes ``image``, ``commit`` and ``origin``: the variables
    with the image, and with what its sender says about it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: codepipeline.Pipeline,
        release: ReleaseFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        bucket, sent = pipeline.artifact_bucket, codepipeline.Artifact()
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ArnPrincipal(pipeline.role.role_arn),
            description="Reads which image is delivered, and lets the function look for it",
        )
        # AWS's policies for a source in S3 include the rights to read tags.
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/how-to-custom-role.html
        tags = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
        for statement in (*artifact_statements(bucket, *tags), call_statement(release.function)):
            role.add_to_policy(statement)
        source_action = actions.S3SourceAction(
            action_name=SOURCE,
            bucket=bucket,
            bucket_key=IMAGE_SOURCE_KEY,
            trigger=actions.S3Trigger.NONE,
            output=sent,
            # Without this role CDK would grant the action every right on the artifacts.
            role=role.without_policy_updates(),
        )
        image_action = actions.LambdaInvokeAction(
            action_name=_IMAGE,
            lambda_=release.function,
            inputs=[sent],
            user_parameters_string="receive",
            variables_namespace=_IMAGE,
            role=role.without_policy_updates(),
        )
        pipeline.add_stage(stage_name=SOURCE, actions=[source_action])
        pipeline.add_stage(stage_name=_IMAGE, actions=[image_action])
        self.image = image_action.variable("image")
        self.commit = image_action.variable("commit")
        self.origin = image_action.variable("origin")
        cast("codepipeline.CfnPipeline", pipeline.node.default_child).node.add_dependency(role)

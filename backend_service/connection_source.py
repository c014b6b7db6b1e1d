"""The source of the delivery pipeline, read through a CodeConnections connection."""

from dataclasses import dataclass

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_iam as iam

from backend_service.pipeline_source import SOURCE, Branch


@dataclass(frozen=True, kw_only=True)
class ConnectionSource:
    """Reads through an AVAILABLE CodeConnections connection.

    A push to the branch starts the pipeline only if it changes something under the folder.
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
        role.add_to_policy(
            iam.PolicyStatement(
                # CDK grants the name that the service had before 2024; ARNs of today need both.
                # https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html
                actions=["codeconnections:UseConnection"],
                resources=[self.connection_arn],
            )
        )
        action = actions.CodeStarConnectionsSourceAction(
            action_name=SOURCE,
            connection_arn=self.connection_arn,
            owner=self.branch.owner,
            repo=self.branch.repository,
            branch=self.branch.name,
            output=output,
            role=role,
            trigger_on_push=False,  # The trigger below does it, with a file filter.
        )
        pipeline.add_stage(stage_name=SOURCE, actions=[action])
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

"""The CDK app that the tests of the command deploy: a service, its images, a place for files."""

import aws_cdk as cdk
from aws_cdk import aws_ec2, aws_ecr, aws_ecs, aws_iam, aws_s3, aws_sns
from constructs import Construct


class Shop(cdk.Stack):
    """A Fargate service in a VPC without NAT, and what its tasks use."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        vpc = aws_ec2.Vpc(self, "Vpc", max_azs=2, nat_gateways=0)
        cluster = aws_ecs.Cluster(self, "Cluster", vpc=vpc)
        aws_ecr.Repository(self, "Images", removal_policy=cdk.RemovalPolicy.DESTROY)
        # A function, which CloudFormation runs, empties the bucket before its deletion.
        files = aws_s3.Bucket(
            self, "Files", removal_policy=cdk.RemovalPolicy.DESTROY, auto_delete_objects=True
        )
        reader = aws_iam.Role(
            self, "Reader", assumed_by=aws_iam.ServicePrincipal("ec2.amazonaws.com")
        )
        files.grant_read(reader)
        task = aws_ecs.FargateTaskDefinition(self, "Task")
        task.add_container(
            "app", image=aws_ecs.ContainerImage.from_registry("public.ecr.aws/nginx/nginx")
        )
        aws_sns.Topic(self, "Orders").grant_publish(task.task_role)
        aws_ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=task,
            desired_count=1,
            assign_public_ip=True,
        )


# The rules for templates would take half of the synthesis.
app = cdk.App(builtin_cloud_formation_validation=False)
Shop(app, "Shop")
app.synth()

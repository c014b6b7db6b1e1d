"""The processor of the service, which every part of the delivery has to agree on."""

from enum import StrEnum

from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecs as ecs


class CpuArchitecture(StrEnum):
    """A processor architecture of Fargate, under the name that ECS gives it."""

    X86_64 = "X86_64"
    ARM64 = "ARM64"

    @property
    def runtime(self) -> ecs.CpuArchitecture:
        """The architecture as a task definition states it."""
        return ecs.CpuArchitecture.of(self.value)

    @property
    def image_platform(self) -> str:
        """The architecture as an image index states it."""
        return "arm64" if self is CpuArchitecture.ARM64 else "amd64"

    @property
    def build_image(self) -> codebuild.IBuildImage:
        """The current CodeBuild image on the same architecture: images are built natively."""
        if self is CpuArchitecture.ARM64:
            return codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_4_0
        return codebuild.LinuxBuildImage.AMAZON_LINUX_2023_6

"""The region: there, and enabled in the account."""

from botocore.exceptions import ClientError

from doctor.answer import Answer, ok, problem
from doctor.check import Case
from doctor.refusal import code_of


class Region:
    """Whether the account may use the region."""

    what = "region"

    def examine(self, case: Case) -> Answer:
        """Ask for its opt-in status."""
        name = case.settings.aws_region
        ec2 = case.aws.home_client("ec2")
        try:
            regions = ec2.describe_regions(RegionNames=[name], AllRegions=True)["Regions"]
        except ClientError as error:
            if code_of(error) != "InvalidParameterValue":
                raise
            regions = []
        if not regions:
            return problem(f"AWS knows no region {name}", "correct aws_region")
        if regions[0]["OptInStatus"] == "not-opted-in":
            return problem(
                f"{name} is not enabled in the account",
                f"aws account enable-region --region-name {name} (takes minutes to hours)",
            )
        return ok(f"{name} is enabled")

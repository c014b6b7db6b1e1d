"""The CDK bootstrap: what `cdk deploy` itself needs in the account and region."""

from botocore.exceptions import ClientError

from doctor.answer import Answer, ok, problem
from doctor.check import Case
from doctor.refusal import code_of

NEEDED_VERSION = 6
"""What CDK's assemblies ask for (`requiresBootstrapStackVersion` in cdk.out/manifest.json)."""

_QUALIFIER = "hnb659fds"
VERSION_PARAMETER = f"/cdk-bootstrap/{_QUALIFIER}/version"
_GONE = frozenset({"404", "NoSuchBucket", "NotFound"})


class Bootstrap:
    """Whether the bootstrap is there, new enough, and still has its bucket."""

    what = "CDK bootstrap"

    def examine(self, case: Case) -> Answer:
        """Read the version that it has left, and look for the bucket of the assets."""
        account, region = case.settings.account_number, case.settings.aws_region
        command = f"npx cdk bootstrap aws://{account}/{region}"
        try:
            parameter = case.aws.client("ssm").get_parameter(Name=VERSION_PARAMETER)["Parameter"]
        except ClientError as error:
            if code_of(error) != "ParameterNotFound":
                raise
            return problem("is missing", command)
        version = int(parameter["Value"])
        if version < NEEDED_VERSION:
            return problem(f"has version {version}, {NEEDED_VERSION} is needed", command)
        bucket = f"cdk-{_QUALIFIER}-assets-{account}-{region}"
        try:
            case.aws.client("s3").head_bucket(Bucket=bucket)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise
            return problem(
                f"has lost its bucket {bucket}", f"delete the stack CDKToolkit, then {command}"
            )
        return ok(f"version {version}")

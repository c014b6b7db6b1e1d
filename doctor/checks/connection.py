"""The connection to GitHub."""

from botocore.exceptions import ClientError

from doctor.answer import Answer, not_checked, ok, problem
from doctor.check import Case
from doctor.refusal import code_of


class Connection:
    """Whether the pipeline can use the connection."""

    what = "GitHub connection"

    def examine(self, case: Case) -> Answer:
        """Look at its status."""
        arn = case.settings.delivery.connection_arn
        if arn is None:
            return not_checked("there is no connection_arn")
        # The service has two names, and the ARN tells which one it has here.
        service = arn.split(":")[2]
        try:
            found = case.aws.client(service).get_connection(ConnectionArn=arn)["Connection"]
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return problem("there is no such connection", "correct connection_arn")
        status = found["ConnectionStatus"]
        if status != "AVAILABLE":
            return problem(
                f"is {status}",
                "finish it in the console: Developer Tools, Settings, Connections, Update pending",
            )
        return ok("is AVAILABLE")

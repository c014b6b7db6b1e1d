"""Credentials: there, valid, and of the right account."""

from doctor.answer import Answer, ok, problem
from doctor.check import Case


class Credentials:
    """Whose credentials the deploy would use."""

    what = "credentials"

    def examine(self, case: Case) -> Answer:
        """Compare their account with `account_number`."""
        identity = case.aws.home_client("sts").get_caller_identity()
        account, expected = identity["Account"], case.settings.account_number
        if account != expected:
            return problem(
                f'are of account {account}, but account_number="{expected}"',
                "set AWS_PROFILE to one of that account, or change account_number",
            )
        return ok(identity["Arn"])

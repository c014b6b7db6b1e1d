"""The GitHub token in Secrets Manager."""

import json

from botocore.exceptions import ClientError

from doctor.answer import Answer, ok, problem
from doctor.check import Case
from doctor.refusal import code_of


class TokenSecret:
    """Whether the token is there, as plain text."""

    what = "GitHub token"

    def examine(self, case: Case) -> Answer:
        """Read it, and tell nothing of it."""
        name = str(case.settings.delivery.github_token_secret_name)
        command = f"aws secretsmanager {{}} {name}"
        try:
            text = read_token(case)
        except ClientError as error:
            if code_of(error) == "InvalidRequestException":
                return problem(
                    f"the secret {name} is marked for deletion",
                    command.format("restore-secret --secret-id"),
                )
            if code_of(error) != "ResourceNotFoundException":
                raise
            create = command.format("create-secret --name")
            return problem(f"there is no secret {name}", f"{create} --secret-string <TOKEN>")
        if flaw := flaw_of(text):
            put = command.format("put-secret-value --secret-id")
            return problem(f"the secret {name} {flaw}", f"{put} --secret-string <TOKEN>")
        return ok(f"the secret {name} is plain text")


def read_token(case: Case) -> str:
    """Return the text of the secret, empty if it has none."""
    name = case.settings.delivery.github_token_secret_name
    secret = case.aws.client("secretsmanager").get_secret_value(SecretId=name)
    return str(secret.get("SecretString", ""))


def flaw_of(text: str) -> str:
    """Say what is wrong with the form of a token, without a letter of it; empty if nothing is."""
    if not text:
        return "has no text"
    try:
        if isinstance(json.loads(text), dict):
            return "is JSON, not the token as plain text"
    except ValueError:
        pass
    return "has blanks or line ends in it" if text.split() != [text] else ""

"""What is said of calls that the role of the tasks was refused."""

from tools.rehearsal.task_role import told

MISSING = "because no identity-based policy allows the s3:PutObject action"


def test_a_refused_call_is_told_with_the_statement_that_is_missing() -> None:
    call = {"action": "s3:PutObject", "resource": "arn:aws:s3:::b/k", "times": 2}
    line, statements = told([{**call, "reason": MISSING}])
    assert line == f"AccessDenied, s3:PutObject on arn:aws:s3:::b/k, 2 times: {MISSING}"
    assert '{"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": "arn:aws' in statements
    denied = {**call, "reason": "with an explicit deny in an identity-based policy"}
    assert len(told([denied])) == 1, "another statement would not help"

"""What is said of calls that the role of the tasks was refused."""

from tools.rehearsal.task_role import told

MISSING = "because no identity-based policy allows the s3:PutObject action"


def test_a_refused_call_is_told_with_the_statement_that_is_missing() -> None:
    call = {"action": "s3:PutObject", "resource": "arn:aws:s3:::b/k"}
    (said,) = told([{**call, "reason": MISSING}])
    assert said.startswith(f"AccessDenied, s3:PutObject on arn:aws:s3:::b/k: {MISSING}")
    assert '{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/k"}' in said
    (denied,) = told([{**call, "reason": "with an explicit deny in an identity-based policy"}])
    assert "missing" not in denied, "another statement would not help"

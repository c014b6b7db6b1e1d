"""The questions to the independent evaluator."""

import random

from tools.iam_oracle.questions import question


def test_the_questions_to_the_oracle_are_the_same_each_time_and_of_both_kinds() -> None:
    first, again = random.Random(1), random.Random(1)  # noqa: S311 - not for secrets
    made = [question(first) for _ in range(300)]
    assert made == [question(again) for _ in range(300)]
    answers = {each.ours() for each in made}
    assert answers == {True, False}

"""CodePipeline: the errors that moto lacks."""

from moto.core.exceptions import JsonRESTError

_MESSAGES = {
    "JobNotFoundException": "There is no job {job}.",
    "PipelineExecutionNotStoppableException": "The execution {execution} has ended.",
    "PipelineExecutionNotFoundException": "There is no execution {execution} of {name}.",
    "StageNotFoundException": "There is no stage '{stage}'.",
    "StageNotRetryableException": "Stage '{stage}' has not failed in {execution}.",
    "UnableToRollbackStageException": "{reasons}",
    "ValidationException": "The local AWS stops an execution only by abandoning its actions.",
}


def error(code: str, **values: object) -> JsonRESTError:
    return JsonRESTError(code, _MESSAGES[code].format(**values))

"""The rehearsal: the whole life of a deploy, with the real CDK CLI, against the local AWS."""

"""The least policy of a deploy, from what a rehearsal demanded of CloudFormation's role."""

"""The rights that a deploy of the settings needs: of CloudFormation's role, the CLI, the doctor."""

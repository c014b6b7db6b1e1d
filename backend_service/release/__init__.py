"""The code of the Lambda function that releases and promotes images."""

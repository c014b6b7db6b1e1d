"""IAM: who may do what, judged call by call as AWS judges it."""

"""The doctor: asks an AWS account, before a deploy, about what usually goes wrong.

``__main__`` chooses the questions that a settings file raises and prints a line for every result.
``first_deploy`` prints the steps of a first deploy, and ``first_deploy_report`` asks the account
afterwards. The other files hold the questions by subject. Nothing is created or changed, and no
secret is printed.
"""

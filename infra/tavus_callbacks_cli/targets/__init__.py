"""The stack or URL that a command works on.

choose      which one: a local stack, a deployed stack, or a URL with a token
aws_stack   a stack for its operator: outputs, resources, clients
store       the tables and bodies of a stack, as operations use them
api_client  reading over HTTP; in_process runs the same code here, with AWS credentials
functions   calling a function of a stack
tavus       Tavus's own API
"""

"""Proves a deployment: deploys a throw-away stack, tries what this project promises, and deletes the stack.

Nobody has run it on AWS yet: that part is unverified. With `--local`, the same steps run on this machine.

steps    the steps in their order, and how they run
places   where the stack runs: AWS, or this machine
removal  deletes a stack on AWS with everything that it retains
report   the report as Markdown and JSON
"""

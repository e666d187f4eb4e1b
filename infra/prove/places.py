"""Where a proof's stack runs: on AWS, deployed by the SAM command line, or on this machine."""

import json
import os
import secrets
import shutil
import string
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from prove.removal import POLICY, PREFIX, ROLES, remove, undo_outage
from tavus_callbacks_cli.local_stack.options import Options
from tavus_callbacks_cli.local_stack.stack import LocalStack, local_stack
from tavus_callbacks_cli.local_stack.state import REPOSITORY
from tavus_callbacks_cli.targets.aws_stack import Deployment, aws_deployment, local_deployment

if TYPE_CHECKING:
    from boto3 import Session


# The environment has no section in samconfig.toml: parameters of your own stack, such as its domain, are not
# used. With a prefix of its own, `sam delete` deletes no code that another stack shares.
_DEPLOY = (
    *("--config-env", "prove", "--resolve-s3", "--capabilities", "CAPABILITY_IAM"),
    *("--no-confirm-changeset", "--no-fail-on-empty-changeset"),
)


def new_name() -> str:
    """Return a name that no other stack has."""
    return PREFIX + "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(6))


@dataclass
class Local:
    """The local stack, in this process, in a folder of its own."""

    is_local = True
    name = "this machine"
    usual_outage, patience, drain_patience = timedelta(seconds=3), 60.0, 60.0
    _options: Options | None = None
    _running: ExitStack = field(default_factory=ExitStack)
    _stack: LocalStack | None = None

    def deploy(self, parameters: dict[str, str]) -> None:
        """Start the stack, or start it again on the same data, as an update does."""
        options = self._options or Options(port=0, state_root=Path(tempfile.mkdtemp(prefix=PREFIX)))
        self._running.close()
        options = replace(options, parameters={**options.parameters, **parameters})
        self._options = options
        self._stack = self._running.enter_context(local_stack(options))
        self._options = replace(options, port=self._stack.running.port)

    def deployment(self) -> Deployment:
        """Open the running stack."""
        return local_deployment(self._started().running, ())

    def outage(self) -> AbstractContextManager[None]:
        """Let the embedded DynamoDB refuse the table to both functions, as a Deny in their roles does."""
        stack = self._started()
        functions = [role.replace("Role", "Function") for role in ROLES]
        return stack.services.deny_table(stack.running.outputs["EventsTableName"], functions)

    def remove(self) -> str:
        """Stop the stack and delete its folder."""
        self._running.close()
        if self._options:
            shutil.rmtree(self._options.state_root)
        return "the processes and the folder; a local stack retains nothing"

    def _started(self) -> LocalStack:
        if self._stack is None:
            raise click.ClickException("The local stack has not started.")
        return self._stack


@dataclass
class Aws:
    """A stack on AWS; the output of the SAM command line goes to `log`."""

    stack: str
    session: "Session"
    log: Path
    is_local = False
    # A change of a role takes effect late, and a message that failed is invisible for six minutes.
    usual_outage, patience, drain_patience = timedelta(minutes=5), 300.0, 1200.0
    _is_built: bool = False

    @property
    def name(self) -> str:
        """Name the region; no report names the account."""
        return f"AWS in {self.session.region_name}"

    def deploy(self, parameters: dict[str, str]) -> None:
        """Deploy, after a build the first time; parameters that are not named keep their values."""
        if not self._is_built:
            self._sam("build")
            self._is_built = True
        quoted = {name: value.replace('"', r"\"") for name, value in parameters.items()}
        overrides = [f'{name}="{value}"' for name, value in quoted.items()]
        changes = ["--parameter-overrides", *overrides] if overrides else []
        self._sam("deploy", *self._place(), "--s3-prefix", self.stack, *_DEPLOY, *changes)

    def deployment(self) -> Deployment:
        """Open the stack that CloudFormation describes."""
        return aws_deployment(self.session, self.stack, ("--stack", self.stack))

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Deny both roles the table by an inline policy; the end removes it, whatever happens."""
        deployment = self.deployment()
        iam, roles = deployment.client("iam"), deployment.physical("AWS::IAM::Role")
        table = deployment.outputs["EventsTableName"]
        arn = deployment.client("dynamodb").describe_table(TableName=table)["Table"]["TableArn"]
        deny = {"Effect": "Deny", "Action": "dynamodb:*", "Resource": [arn, f"{arn}/index/*"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        with ExitStack() as undo:
            for role in (roles[name] for name in ROLES):
                undo.callback(undo_outage, iam, role)
                iam.put_role_policy(RoleName=role, PolicyName=POLICY, PolicyDocument=policy)
            yield

    def remove(self) -> str:
        """Delete the stack, its uploaded code, and everything that it retains."""
        return remove(self.session, self.stack, lambda: self._sam("delete", *self._place(), "--no-prompts"))

    def _place(self) -> tuple[str, ...]:
        return "--stack-name", self.stack, "--region", str(self.session.region_name)

    def _sam(self, *arguments: str) -> None:
        """Run the SAM command line; raises click.ClickException."""
        sam = shutil.which("sam")
        if sam is None:
            raise click.ClickException("The SAM command line is missing: README.md, Deploy, links to it.")
        # This process finds `prove` by PYTHONPATH, and Python code of the build would look there too.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        environment["SAM_CLI_TELEMETRY"] = "0"
        with self.log.open("ab") as log:
            done = subprocess.run(  # noqa: S603 - our own words
                [sam, *arguments], cwd=REPOSITORY, env=environment, stdout=log, stderr=log, check=False
            )
        if done.returncode:
            raise click.ClickException(f"`sam {arguments[0]}` failed; its output is in {self.log}.")


Place = Local | Aws

"""The stores that `template.yaml` declares, in embedded services of their own, without functions or HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tavus_callbacks_cli.local_stack.child_process import stop_child
from tavus_callbacks_cli.local_stack.services.access_keys import AccessKeys
from tavus_callbacks_cli.local_stack.services.deploy import deploy
from tavus_callbacks_cli.local_stack.services.embedded import (
    EmbeddedServices,
    await_services,
    launch_services,
)
from tavus_callbacks_cli.local_stack.template.template import Template

TYPES = ("AWS::DynamoDB::Table", "AWS::Events::EventBus", "AWS::S3::Bucket", "AWS::SQS::Queue")


@contextmanager
def embedded_stores(template: Template, log: Path) -> Iterator[EmbeddedServices]:
    """Run embedded services with the template's tables, buckets, queues and bus."""
    keys = AccessKeys()
    process = launch_services(log, keys)
    try:
        running = await_services(process, log, keys)
        stores = {name: one for name, one in template.resources.items() if one.type in TYPES}
        deploy(replace(template, resources=stores), running.clients())
        yield running
    finally:
        stop_child(process)

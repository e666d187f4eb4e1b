"""The row of the schedule's sweep."""

from tavus_callbacks.aws.stores import keys
from tavus_callbacks.aws.table import Table
from tavus_callbacks.domain.common.timestamps import iso, parse
from tavus_callbacks.domain.repair.sweep import Sweep

_KEY = keys.sweep("watch")
_MOMENTS = ("oldest", "older", "older_before", "all_at")


def read_sweep(table: Table) -> Sweep:
    """Return how far earlier runs have come; raises StoreDown."""
    item = table.get(_KEY) or {}
    moments = {name: parse(item.get(name)) for name in _MOMENTS}
    return Sweep(before=item.get("before"), is_all=bool(item.get("is_all")), **moments)


def write_sweep(table: Table, sweep: Sweep) -> None:
    """Note how far this run has come; raises StoreDown."""
    moments = {name: getattr(sweep, name) for name in _MOMENTS}
    item = {**_KEY, "type": "sweep", "before": sweep.before, "is_all": sweep.is_all}
    table.put({**item, **{name: moment and iso(moment) for name, moment in moments.items()}})

"""TF_CONFIG: which machines train together, and which of them this process is.

    {"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}

The format is TensorFlow's. Every worker runs the same command with its own index.
"""

from __future__ import annotations

import json
from typing import NamedTuple

VARIABLE = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Cluster(NamedTuple):
    """Addresses HOST:PORT of all workers, the chief first, and this process's place in the list."""

    addresses: tuple[str, ...]
    rank: int


def parse(text: str) -> Cluster:
    """The cluster of the content of TF_CONFIG. ValueError says what is wrong and shows an
    example."""

    def wrong(what):
        return ValueError(f"{VARIABLE}: {what}. It must look like {_EXAMPLE}")

    if not text.strip():
        raise wrong("not set, but --strategy=multi_worker reads the workers from it")
    try:
        document = json.loads(text)
        jobs = {str(job): list(document["cluster"][job]) for job in document["cluster"]}
        kind, index = document["task"]["type"], document["task"]["index"]
    except (ValueError, TypeError, KeyError) as error:
        raise wrong(f"cannot be read ({type(error).__name__}: {error})") from None
    if unknown := sorted(set(jobs) - {"chief", "worker"}):
        raise wrong(f"job {', '.join(unknown)} of the cluster is neither chief nor worker")
    addresses = [address for job in ("chief", "worker") for address in jobs.get(job, [])]
    for address in addresses:
        host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
        if not host or not (port.isdecimal() and 0 < int(port) < 65536):
            raise wrong(f"address {address!r} is not HOST:PORT")
    if len(set(addresses)) != len(addresses):
        raise wrong("an address is named twice")
    if len(jobs.get("chief", [])) > 1:
        raise wrong("more than one chief")
    if kind not in jobs:
        raise wrong(f"task type {kind!r} is no job of the cluster")
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(jobs[kind]):
        raise wrong(f"task index {index!r}, but the cluster has {len(jobs[kind])} of {kind!r}")
    before = 0 if kind == "chief" else len(jobs.get("chief", []))
    return Cluster(tuple(addresses), before + index)


def names_several(text: str) -> bool:
    """Whether a TF_CONFIG, which may be meant for another program, names more than one process."""
    try:
        return sum(len(addresses) for addresses in json.loads(text)["cluster"].values()) > 1
    except (ValueError, TypeError, KeyError, AttributeError):
        return False

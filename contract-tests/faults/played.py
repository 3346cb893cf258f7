"""All faults, in the order in which they are played, with the ground that each needs."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Final

from crash.stack import CONTENT, GATEWAY, SCREENING

from faults import clocks, crowding, edges, ending, ground, neighbors, stores
from faults.ground import Ground

Grounds = Callable[[], AbstractContextManager[Ground]]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        name: what is said of it, and selected by.
        ground: where it is played. Faults that follow each other on one ground share it.
        play: breaks, observes, mends and observes again; says what was seen.
    """

    name: str
    ground: Grounds
    play: Callable[[Ground], str]


ALL: Final[Sequence[Fault]] = (
    Fault("content down at start", ground.empty, neighbors.content_down_at_start),
    Fault("content hanging at start", ground.empty, neighbors.content_hanging_at_start),
    Fault("keys down at start", ground.empty, neighbors.keys_down_at_start),
    Fault("keys hanging at start", ground.empty, neighbors.keys_hanging_at_start),
    Fault("store down at start", ground.before_postgresql, stores.store_down_at_start),
    Fault("ledger down at start", ground.before_postgresql, stores.ledger_down_at_start),
    Fault("content down", ground.plain, neighbors.content_down),
    Fault("content hanging", ground.plain, neighbors.content_hanging),
    Fault("keys down", ground.plain, neighbors.keys_down),
    Fault("EHR hanging", ground.plain, neighbors.ehr_hanging),
    Fault("EHR down", ground.plain, neighbors.ehr_down),
    Fault("EHR hanging, half of the data there", ground.plain, neighbors.ehr_half_gone),
    Fault("clock of an EHR wrong", ground.plain, clocks.ehr_clock),
    Fault("screening workers killed in calls", ground.plain, ending.worker_killed),
    Fault("gateway worker killed in calls", ground.plain, ending.gateway_worker_killed),
    Fault("SIGTERM to screening under load", ground.plain, partial(ending.drained, name=SCREENING)),
    Fault("SIGTERM to gateway under load", ground.plain, partial(ending.drained, name=GATEWAY)),
    Fault("SIGTERM to content under load", ground.plain, neighbors.content_restarted),
    Fault("SIGHUP to content under load", ground.plain, partial(ending.reloaded, name=CONTENT)),
    Fault("SIGHUP to screening under load", ground.plain, partial(ending.reloaded, name=SCREENING)),
    Fault("SIGHUP to gateway under load", ground.plain, partial(ending.reloaded, name=GATEWAY)),
    Fault("200 slow clients", ground.plain, crowding.slow_clients),
    Fault("memory after many calls", crowding.with_little_kept, crowding.memory),
    Fault("clocks of services differ", clocks.with_a_clock_of_its_own, clocks.clocks_of_services),
    Fault("store locked", ground.with_small_disks, stores.store_locked),
    Fault("store disk full", ground.with_small_disks, stores.store_disk_full),
    Fault("ledger locked", ground.with_small_disks, stores.ledger_locked),
    Fault("ledger disk full", ground.with_small_disks, stores.ledger_disk_full),
    Fault("store down", ground.with_postgresql, stores.store_down),
    Fault("store hanging", ground.with_postgresql, stores.store_still),
    Fault("ledger down", ground.with_postgresql, stores.ledger_down),
    Fault("ledger hanging", ground.with_postgresql, stores.ledger_still),
    Fault("rolling restart of two screenings", ending.with_two_screenings, ending.replicas_replaced),
    Fault("rolling restart of two gateways behind an edge", edges.with_two_gateways, edges.gateways_replaced),
)

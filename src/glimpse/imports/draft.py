"""A plan in the making: what plugins add to."""

from dataclasses import dataclass

from glimpse.transfer.plan import Planner

# Containers around a disk that unpacking takes it out of; it is a bare one then.
ARCHIVES = frozenset({"ova", "ovf"})


@dataclass(slots=True)
class Draft:
    """``disk_format`` is what the bytes are at this point of the plan; None where nobody has said."""

    planner: Planner
    disk_format: str | None
    container_format: str | None

"""The limits of the configuration for each image by itself. A negative limit means: none."""

from collections.abc import Collection
from dataclasses import dataclass

from glimpse.catalog.records import RESERVED_PREFIX
from glimpse.config import Settings
from glimpse.errors import TooLarge


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one image may hold, and with how many it may be shared."""

    properties: int
    tags: int
    size: int
    members: int = -1
    locations: int = -1

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the configuration sets."""
        default = settings.default
        return cls(
            properties=default.image_property_quota,
            tags=default.image_tag_quota,
            size=default.image_size_cap,
            members=default.image_member_quota,
            locations=default.image_location_quota,
        )

    def check_properties(self, names: Collection[str]) -> None:
        """Raise TooLarge when an image may not have all of these extra properties."""
        # Properties of imports are not users'.
        count = sum(not name.startswith(RESERVED_PREFIX) for name in names)
        if 0 <= self.properties < count:
            raise TooLarge(f"An image may have {self.properties} properties; this one would have {count}.")

    def check_tags(self, tags: Collection[str]) -> None:
        """Raise TooLarge when an image may not have all of these tags."""
        count = len(set(tags))
        if 0 <= self.tags < count:
            raise TooLarge(f"An image may have {self.tags} tags; this one would have {count}.")

    def check_size(self, size: int) -> None:
        """Raise TooLarge when an image may not have this many bytes."""
        if size > self.size:
            raise TooLarge(f"An image may have {self.size} bytes; this one would have {size}.")

    def check_members(self, count: int) -> None:
        """Raise TooLarge when an image may not be shared with this many projects."""
        if 0 <= self.members < count:
            raise TooLarge(f"An image may have {self.members} members; this one would have {count}.")

    def check_locations(self, count: int) -> None:
        """Raise TooLarge when an image may not have this many locations."""
        if 0 <= self.locations < count:
            raise TooLarge(f"An image may have {self.locations} locations; this one would have {count}.")

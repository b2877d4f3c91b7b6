"""The versions document, and which URL prefixes mean version 2.

Minor versions carry no behaviour: every call does the same under any accepted prefix. The document says what
is configured, in the order in which clients have always seen it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

BEFORE_CACHE = ("2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0")
MULTI_STORE = ("2.13", "2.12", "2.11", "2.10")
# Where an old configuration forbids imports the document ends before the version that brought them.
WITHOUT_IMPORT = ("2.5", "2.4", "2.3", "2.2", "2.1", "2.0")


@dataclass(frozen=True, slots=True)
class Versions:
    """What this service offers: ``offered`` are minor versions in order of the document, ``current`` is one
    of them.
    """

    offered: tuple[str, ...]
    current: str

    @classmethod
    def of(cls, *, multi_store: bool, cache: bool, imports: bool) -> "Versions":
        """The versions that a configuration leads to."""
        if not imports:
            return cls(WITHOUT_IMPORT, "2.5")
        if cache:
            stores = (*MULTI_STORE, "2.9", "2.8") if multi_store else ("2.9",)
            return cls(("2.18", "2.17", "2.16", "2.15", "2.14", *stores, *BEFORE_CACHE), "2.18")
        if multi_store:
            return cls(("2.15", *MULTI_STORE, "2.9", "2.8", "2.17", *BEFORE_CACHE), "2.17")
        return cls(("2.15", "2.9", "2.17", *BEFORE_CACHE), "2.17")

    def document(self, base: str) -> dict[str, object]:
        """The versions document; ``base`` is this service's URL without a slash at its end."""
        links = [{"rel": "self", "href": f"{base}/v2/"}]
        return {
            "versions": [
                {
                    "id": f"v{minor}",
                    "status": "CURRENT" if minor == self.current else "SUPPORTED",
                    "links": links,
                }
                for minor in self.offered
            ]
        }

    def prefixes(self) -> Mapping[str, str]:
        """Path segments that mean version 2."""
        return dict.fromkeys(("v2", *(f"v{minor}" for minor in self.offered)), "v2")

    def of_media_type(self, accept: str) -> bool:
        """Whether an ``Accept`` header selects a version offered here, for a path without a prefix."""
        prefix = "application/vnd.openstack.images-"
        media = accept.partition(",")[0].partition(";")[0].strip()
        return media.startswith(prefix) and media[len(prefix) :].partition("+")[0] in self.prefixes()

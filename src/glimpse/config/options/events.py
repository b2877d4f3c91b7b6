"""What is told to others."""

from typing import Annotated

from glimpse.config.declare import MULTI, SECRET, UNUSED, Range, Section


class OsloMessagingNotifications(Section):
    """Notifications of what happens to images. This version sends none."""

    owner = "oslo.messaging"

    driver: Annotated[
        tuple[str, ...], "Ways to send them (messagingv2, log, noop); none: not sent.", MULTI, UNUSED
    ] = ()
    topics: Annotated[tuple[str, ...], "Topics they are sent under.", UNUSED] = ("notifications",)
    transport_url: Annotated[
        str | None, "Message broker; without it, that of [DEFAULT] transport_url.", SECRET, UNUSED
    ] = None
    retry: Annotated[int, "How often sending is tried again; -1: until it succeeds.", UNUSED, Range(-1)] = -1

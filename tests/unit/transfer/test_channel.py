import threading

import pytest

from glimpse.transfer.channel import Channel, ChannelClosed, ChannelTimeout
from glimpse.transfer.extent import Extent
from tests.unit.transfer.helpers import DEADLINE


def test_items_come_out_in_order_then_none() -> None:
    channel: Channel[bytes] = Channel(4, 100)
    channel.put(b"a")
    channel.put(b"b")
    channel.end()
    assert [channel.get(), channel.get(), channel.get()] == [b"a", b"b", None]


def test_depth_bounds_the_items() -> None:
    channel: Channel[bytes] = Channel(2, 100)
    channel.put(b"a")
    channel.put(b"b")
    with pytest.raises(ChannelTimeout):
        channel.put(b"c", timeout=0.01)


def test_bytes_bound_the_items() -> None:
    channel: Channel[bytes] = Channel(10, 5)
    channel.put(b"abc")
    channel.put(b"de")
    with pytest.raises(ChannelTimeout):
        channel.put(b"f", timeout=0.01)
    assert channel.get() == b"abc"
    channel.put(b"f", timeout=0.01)


def test_an_item_beyond_the_bound_passes_an_empty_channel() -> None:
    channel: Channel[bytes] = Channel(10, 5)
    channel.put(b"too large", timeout=0.01)
    assert channel.get() == b"too large"


def test_zero_extents_weigh_nothing() -> None:
    channel: Channel[Extent] = Channel(3, 5)
    for offset in range(3):
        channel.put(Extent(offset << 40, 1 << 40, None), timeout=0.01)


def test_an_error_comes_after_the_items_before_it() -> None:
    channel: Channel[bytes] = Channel(4, 100)
    channel.put(b"a")
    channel.fail(ValueError("broken"))
    assert channel.get() == b"a"
    with pytest.raises(ValueError, match="broken"):
        channel.get()


def test_get_gives_up_after_its_time() -> None:
    channel: Channel[bytes] = Channel(4, 100)
    with pytest.raises(ChannelTimeout):
        channel.get(timeout=0.01)


def test_close_wakes_a_waiting_producer() -> None:
    channel: Channel[bytes] = Channel(1, 100)
    channel.put(b"a")
    raised = threading.Event()

    def produce() -> None:
        with pytest.raises(ChannelClosed):
            channel.put(b"b")
        raised.set()

    thread = threading.Thread(target=produce)
    thread.start()
    channel.close()
    assert raised.wait(DEADLINE)
    thread.join()
    assert channel.get() is None


def test_close_wakes_a_waiting_consumer() -> None:
    channel: Channel[bytes] = Channel(1, 100)
    got: list[bytes | None] = []
    thread = threading.Thread(target=lambda: got.append(channel.get()))
    thread.start()
    channel.close()
    thread.join(DEADLINE)
    assert got == [None]

"""The words of the NBD protocol that a reader of disk images needs.

Source: the NBD project's ``doc/proto.md``: fixed newstyle negotiation, structured replies and the
``base:allocation`` context. Nothing here writes to an export.
"""

import struct
from typing import Final

from glimpse.errors import GlimpseError

NBD_MAGIC: Final = b"NBDMAGIC"
OPTION_MAGIC: Final = b"IHAVEOPT"
OPTION_REPLY_MAGIC: Final = 0x3E889045565A9
REQUEST_MAGIC: Final = 0x25609513
STRUCTURED_REPLY_MAGIC: Final = 0x668E33EF

# Handshake flags, the same in both directions: options may be refused politely; no padding after the last one.
FIXED_NEWSTYLE: Final = 1 << 0
NO_ZEROES: Final = 1 << 1

OPTION_GO: Final = 7
OPTION_STRUCTURED_REPLY: Final = 8
OPTION_SET_META_CONTEXT: Final = 10

REPLY_ACK: Final = 1
REPLY_INFO: Final = 3
REPLY_META_CONTEXT: Final = 4
REPLY_IS_ERROR: Final = 1 << 31

INFO_EXPORT: Final = 0

# What the export can do: answer a read in one piece.
SEND_DF: Final = 1 << 7

COMMAND_READ: Final = 0
COMMAND_DISCONNECT: Final = 2
COMMAND_BLOCK_STATUS: Final = 7

# Answer the read in one piece. It also spares qemu a look at the allocation, which we have asked for already.
FLAG_DF: Final = 1 << 2

CHUNK_DONE: Final = 1 << 0
CHUNK_NONE: Final = 0
CHUNK_DATA: Final = 1
CHUNK_HOLE: Final = 2
CHUNK_BLOCK_STATUS: Final = 5
CHUNK_IS_ERROR: Final = 1 << 15

ALLOCATION: Final = b"base:allocation"
# Of the states of ``base:allocation``: the range reads as zeros.
STATE_ZERO: Final = 1 << 1

OPTION: Final = struct.Struct(">8sII")
OPTION_REPLY: Final = struct.Struct(">QIII")
EXPORT_INFO: Final = struct.Struct(">HQH")
REQUEST: Final = struct.Struct(">IHHQQI")
CHUNK: Final = struct.Struct(">IHHQI")
OFFSET: Final = struct.Struct(">Q")
HOLE: Final = struct.Struct(">QI")
ERROR: Final = struct.Struct(">IH")
CONTEXT: Final = struct.Struct(">I")
STATUS: Final = struct.Struct(">II")

# A server may not make us allocate what it likes. Strings are at most 4 KiB by the protocol; a block status of qemu
# has at most 128 Ki runs of 8 bytes.
MAX_OPTION_REPLY: Final = 64 << 10
MAX_BLOCK_STATUS: Final = 2 << 20
MAX_ERROR: Final = 8 << 10


class NbdError(GlimpseError):
    """The export cannot be read: an error of the server, a broken connection, or an answer that makes no sense."""

    code = "nbd"


class NbdDisconnected(NbdError):
    """The server has gone, so that its own last words may say more than we can."""

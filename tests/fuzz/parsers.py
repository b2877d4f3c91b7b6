"""Every parser of this project that reads what others have written, with inputs that are good.

What is not here, because it is not ours: disk headers (oslo.utils, in ``tests/unit/transfer/disk``), what is inside
of compressed data and of archives (the libraries', the latter in a confined child), tokens (keystonemiddleware), INI
syntax of the configuration (oslo.config). There are no files of digests (``SHA256SUMS``) that this project reads.
"""

import atexit
import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import socket
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, cast

import lz4.frame
from backports import zstd

from glimpse.access import htpasswd, http_basic, noauth, policy, protection_file, redact
from glimpse.access.caller import Unauthenticated
from glimpse.api import (
    creating,
    customs,
    errors,
    filters,
    heads,
    jsonbody,
    jsonpatch,
    locating,
    paging,
    patching,
    proxies,
    ranges,
    request_ids,
)
from glimpse.api.customs import ImageSchema
from glimpse.api.schema import image_properties
from glimpse.config import files as config_files
from glimpse.config import kinds, lists
from glimpse.errors import GlimpseError
from glimpse.imports import request as import_request
from glimpse.stores.file import names
from glimpse.transfer.archive import magic, program
from glimpse.transfer.archive.keeper import Keeper
from glimpse.transfer.archive.manifest import Manifest
from glimpse.transfer.archive.reader import _Frames
from glimpse.transfer.archive.seven_zip import check_7z
from glimpse.transfer.archive.zip import check_zip
from glimpse.transfer.decompress import Limits, decompressor, detect
from glimpse.transfer.decompress.gzip_header import header_length
from glimpse.transfer.disk.nbd import protocol as nbd
from glimpse.transfer.disk.nbd.client import NbdClient
from glimpse.transfer.sources import body as http_body
from glimpse.transfer.sources import uri
from glimpse.transfer.sources.body import BadFraming
from glimpse.transfer.sources.pace import Patience
from glimpse.transfer.sources.rules import FetchRules
from glimpse.transfer.sources.wire import Wire
from glimpse.transfer.stop import NEVER
from tests.unit.api.records import MEMBER, image
from tests.unit.transfer.sources.download import failure

SCHEMA = ImageSchema(image_properties(["raw", "qcow2"], ["bare", "ovf"]))
UUID = "9f7eb8bc-5f4f-4b4c-8b1c-2d1b2f3a4c5d"
# Data of the formats below unpacks to 64 KiB; damaged, to little more.
LIMITS = Limits(max_bytes=1 << 24)


@dataclass(frozen=True)
class Parser:
    """``read`` may raise ``errors`` and nothing else, for whatever is like the ``seeds``.

    ``slow``: it takes more than some hundred microseconds, so that fewer inputs are tried. ``longest``: more bytes do
    not come; 0 where an operator writes them, and a library reads them (configparser and PyYAML look twice at what
    they have seen).
    """

    read: Callable[[Any], object]
    seeds: list[Any]
    errors: tuple[type[Exception], ...] = (GlimpseError,)
    slow: bool = False
    longest: int = 64 << 10


# Of one option.
LONGEST_OPTION = 8 << 10

_SCRATCH = Path(
    tempfile.mkdtemp(prefix="glimpse-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
)


atexit.register(shutil.rmtree, _SCRATCH, ignore_errors=True)


def in_file(read: Callable[[Path], object]) -> Callable[[str | bytes], object]:
    """A parser that is given a path."""

    def of(content: str | bytes) -> object:
        path = _SCRATCH / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(errors="surrogatepass"))
        return read(path)

    return of


def opened(read: Callable[[int], object]) -> Callable[[Path], object]:
    """A parser that is given a descriptor."""

    def of(path: Path) -> object:
        file = os.open(path, os.O_RDONLY)
        try:
            return read(file)
        finally:
            os.close(file)

    return of


def as_json(*values: object) -> list[bytes]:
    return [json.dumps(value).encode() for value in values]


def change(body: bytes) -> object:
    """What a PATCH does to an image, as far as the database is not asked."""
    changes = jsonpatch.parse_v21(jsonbody.parse(body))
    patching.check_changes(changes, SCHEMA, locations=True)
    return patching.edit(image(), changes, MEMBER)


def location(body: bytes) -> object:
    data = jsonbody.parse_object(body).get("validation_data")
    if isinstance(data, dict):
        locating.check_hash(data)
    return data


def listing(text: bytes) -> object:
    pairs = paging.parameters(text)
    return paging.query(pairs, default_limit=25, longest=1000), paging.links(pairs, UUID)


def forwarded(text: str) -> object:
    host, _, rest = text.partition("|")
    scope: dict[str, Any] = {"type": "http", "scheme": "http", "headers": [(b"host", b"here")]}
    headers = {
        "forwarded": host,
        "x-forwarded-for": rest,
        "x-forwarded-prefix": rest,
        "x-forwarded-host": host,
    }
    proxies.believe(scope, headers)
    return proxies.client(scope)


def head(text: str) -> object:
    lines = text.encode("latin-1", "replace").split(b"\n")
    return heads.read(
        [(name, value) for name, _, value in (line.partition(b":") for line in lines)], 16 << 10
    )


def compared(text: str) -> object:
    return [
        filters.comparisons(name, text) for name in ("name", "id", "created_at", "size_min", "b_max", "tag")
    ]


def judged(address: str) -> object:
    return uri.check(address, FetchRules(allowed_ports=frozenset()), lambda host: ["93.184.216.34"])


def unpacked(name: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        pieces = [data[:100], data[100:101], data[101:]]
        return sum(len(piece) for piece in decompressor(name).decompress(pieces, limits=LIMITS.inner()))

    return read


class Said:
    """Stands where the keeper of a child and the child do, when that has said everything."""

    waiting, moved, error = False, 0, None

    def __init__(self, output: int) -> None:
        self.output = output
        self.fed = threading.Event()
        self.fed.set()

    def child(self) -> "Said":
        return self

    def wait(self, seconds: float) -> int:
        return 1

    def errors(self) -> str:
        return "it said so"


def frames(data: bytes) -> object:
    """What the child that reads archives says; here it says ``data`` and closes its end."""
    output, theirs = os.pipe()
    try:
        os.write(theirs, data[: 60 << 10])
        os.close(theirs)
        told = _Frames(cast(Keeper, Said(output)), "tar", NEVER, 5.0).told()
        # A hole may be as long as the frame says: zeros are one buffer.
        return sum(1 for _, _ in zip(told, range(1000), strict=False))
    finally:
        os.close(output)


def exchange(data: bytes) -> socket.socket:
    """The end of a connection at whose other end everything has been said."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        theirs.sendall(data[: 100 << 10])
    return ours


def export(data: bytes) -> object:
    """What a server of disks answers to a read and a question for holes."""
    with closing(NbdClient(exchange(data), stop=NEVER, stall=5.0)) as client:
        found = [bytes(piece) for _, piece in client.read([(0, 512)])]
        return found, list(client.runs(0, 4096))


def framed(data: bytes) -> object:
    """A body whose end has to be found, after its headers."""
    said, _, rest = data.partition(b"\n\n")
    headers = Message()
    for line in said.decode("latin-1").split("\n"):
        name, _, value = line.partition(":")
        headers[name.strip() or "x"] = value.strip()
    with closing(Wire(exchange(rest), Patience(1.0, 5.0, 0), lambda: None)) as wire:
        return sum(len(piece) for piece in http_body.body(wire, headers))


class Server:
    """Answers every connection with the bytes that it was last told."""

    def __init__(self) -> None:
        self.answer = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/disk"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(self.answer)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)


_servers: list[Server] = []


def fetched(data: bytes) -> object:
    """A whole answer of a web server, redirects included."""
    if not _servers:
        _servers.append(Server())
    _servers[0].answer = data[: 100 << 10]
    try:
        return failure(_servers[0].url)
    except AssertionError:
        return None  # Nothing was wrong with it.


def archive(kind: str) -> bytes:
    target = io.BytesIO()
    if kind == "tar":
        with tarfile.open(fileobj=target, mode="w") as tar:
            tar.addfile(tarfile.TarInfo("disk.raw"))
    else:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as zip_:
            zip_.writestr("disk.raw", bytes(2000))
            zip_.writestr("README", "read me")
    return target.getvalue()


def nbd_words() -> bytes:
    """All that a good server says."""

    def reply(option: int, kind: int, payload: bytes = b"") -> bytes:
        return nbd.OPTION_REPLY.pack(nbd.OPTION_REPLY_MAGIC, option, kind, len(payload)) + payload

    def chunk(kind: int, cookie: int, payload: bytes) -> bytes:
        return (
            nbd.CHUNK.pack(nbd.STRUCTURED_REPLY_MAGIC, nbd.CHUNK_DONE, kind, cookie, len(payload)) + payload
        )

    return b"".join(
        (
            nbd.NBD_MAGIC + nbd.OPTION_MAGIC + (nbd.FIXED_NEWSTYLE | nbd.NO_ZEROES).to_bytes(2, "big"),
            reply(nbd.OPTION_STRUCTURED_REPLY, nbd.REPLY_ACK),
            reply(nbd.OPTION_SET_META_CONTEXT, nbd.REPLY_META_CONTEXT, b"\0\0\0\1" + nbd.ALLOCATION),
            reply(nbd.OPTION_SET_META_CONTEXT, nbd.REPLY_ACK),
            reply(nbd.OPTION_GO, nbd.REPLY_INFO, nbd.EXPORT_INFO.pack(nbd.INFO_EXPORT, 4096, nbd.SEND_DF)),
            reply(nbd.OPTION_GO, nbd.REPLY_ACK),
            chunk(nbd.CHUNK_DATA, 1, nbd.OFFSET.pack(0) + bytes(512)),
            chunk(nbd.CHUNK_BLOCK_STATUS, 2, nbd.CONTEXT.pack(1) + nbd.STATUS.pack(4096, nbd.STATE_ZERO)),
        )
    )


def child_words() -> bytes:
    """What the reader of archives says of one disk."""
    attributes = program.ATTRIBUTES.pack(True, False) + b"disk.raw"
    parts: Iterable[tuple[bytes, int, bytes]] = (
        (program.MEMBER, len(attributes), attributes),
        (program.DATA, 10, bytes(10)),
        (program.HOLE, 1 << 20, b""),
        (program.ERROR, 5, b"wrong"),
        (program.END, 0, b""),
    )
    return b"".join(program.FRAME.pack(kind, length) + data for kind, length, data in parts)


HASH = {"os_hash_algo": "sha256", "os_hash_value": "ab" * 32}
PLACE = {"url": "https://example.org/x", "metadata": {"a": 1}, "validation_data": HASH}
PLAIN = os.urandom(100) + bytes(60_000) + os.urandom(100)
HTPASSWD = "ann:$2y$04$" + "a" * 53
# With all optional parts: two bytes more, a name, a comment, and a checksum that is wrong.
GZIP_HEADER = b"\x1f\x8b\x08\x1f" + bytes(6) + b"\2\0abname\0comment\0" + bytes(2)
EMPTY_7Z = b"7z\xbc\xaf\x27\x1c\0\4\x8d\x9b\xd5\x0f" + bytes(20)
RULES = "[^x_.*]\ncreate = admin,member\nread = @\nupdate = admin\ndelete = !\n"
FORWARDED = 'for=192.0.2.1;proto=https;host="a.b:80", for="[2001:db8::1]:1"|/image, 192.0.2.2'
SECRETS = (
    "GET https://ann:pw@example.org/x?sig=1 failed, X-Auth-Token: gAAAAAb1234 'password': 'abc', api_key=abc; "
    "Authorization: Basic YW5uOnNlY3JldA== {'token': b'xyz'}"
)

PARSERS: dict[str, Parser] = {
    "JSON patch 2.1": Parser(
        lambda body: jsonpatch.parse_v21(jsonbody.parse(body)),
        as_json([{"op": "add", "path": "/a~1b~0", "value": [1]}, {"op": "remove", "path": "/locations/0"}]),
    ),
    "JSON patch 2.0": Parser(
        lambda body: jsonpatch.parse_v20(jsonbody.parse(body)),
        as_json([{"add": "/a", "value": "b"}, {"remove": "/c"}, {"replace": "/locations", "value": []}]),
    ),
    "media type of a patch": Parser(jsonpatch.parser, [f"{jsonpatch.V21}; charset=utf-8", jsonpatch.V20]),
    "change of an image": Parser(
        change,
        as_json(
            [{"op": "add", "path": "/min_disk", "value": 10}, {"op": "remove", "path": "/colour"}],
            [{"op": "add", "path": "/locations/-", "value": PLACE}],
            [{"op": "replace", "path": "/locations", "value": [PLACE]}],
            [{"op": "replace", "path": "/tags", "value": ["a", "b"]}],
            [{"op": "replace", "path": "/visibility", "value": "public"}],
        ),
    ),
    "new image": Parser(
        lambda body: creating.new_image(jsonbody.parse_object(body), SCHEMA, MEMBER),
        as_json({"name": "x", "min_ram": 1, "tags": ["a"], "colour": "blue", "protected": False, "id": UUID}),
    ),
    "import request": Parser(
        lambda body: import_request.parse(jsonbody.parse(body), ["glance-direct", "web-download"]),
        as_json(
            {"method": {"name": "web-download", "uri": "http://a/"}, "stores": ["a"], "all_stores": False},
            {"method": {"name": "glance-direct"}, "all_stores_must_succeed": True},
        ),
    ),
    "known hash of a location": Parser(location, as_json({"url": "http://a/", "validation_data": HASH})),
    "query of a listing": Parser(
        listing,
        [
            b"limit=10&marker=a&sort=name:asc,id:desc&visibility=public&os_hidden=true&size_min=1&tag=a&tag=b",
            b"created_at=gte:2026-01-01T00:00:00Z&name=in:a,%22b,c%22&protected=true&sort_key=id&sort_dir=asc",
        ],
    ),
    "filter of a listing": Parser(compared, ["gt:2026-01-01T00:00:00+01:00", 'in:a,"b\\"c"', "12", "eq:a:b"]),
    "values in quotes": Parser(filters.values, ['a,"b,c",d', '"a\\"b\\\\"']),
    "range": Parser(
        lambda text: (ranges.requested(text, None, 1000), ranges.requested(None, f"bytes {text}", 1000)),
        ["bytes=0-99", "bytes=-5", "bytes=7-", "0-99/1000"],
    ),
    "headers": Parser(head, ["host:a\nrange:bytes=1-\nx-a:b\nx-a:c"], longest=16 << 10),
    "forwarded headers": Parser(forwarded, [FORWARDED, "proto=https|10.0.0.1"], errors=()),
    "request id": Parser(lambda text: request_ids.adopted("req-own", text, 64), ["req-123", "abc.def_1-2"]),
    "accepted media": Parser(errors.preferred, ["text/html;q=0.5, application/json", "*/*;q=nan"], errors=()),
    "token without authentication": Parser(noauth.NoAuth._parse, ["user:project:admin,member"], (Unauthenticated,)),
    "name and password": Parser(http_basic._credentials, ["Basic YW5uOnNlY3JldA=="], (Unauthenticated,)),
    "htpasswd": Parser(
        in_file(lambda path: htpasswd.read(path, None)), [f"# users\n{HTPASSWD}\nzoe:$2b$05${'.' * 53}\n"]
    ),
    "roles of users": Parser(in_file(lambda path: list(htpasswd._places(path))), ["ann:blue:member,reader\n"]),
    "property rules by role": Parser(lambda text: protection_file.parse(text, "roles"), [RULES], longest=0),
    "property rules by policy": Parser(
        lambda text: protection_file.parse(text, "policies"),
        ["[a.*]\ncreate = add_image\nread = get_image\nupdate = !\ndelete = @\n"],
        longest=0,
    ),
    "policy file": Parser(
        in_file(lambda path: policy._refuse_broken([path])),
        ['"get_image": "role:a and not (project_id:%(owner)s or \'b\':%(visibility)s)"\n', '{"a": "@", "b": "!"}'],
        slow=True,
        longest=0,
    ),
    "own properties": Parser(
        in_file(customs.read),
        as_json({"a": {"type": ["null", "string"], "enum": ["b"], "pattern": "^b"}, "required": ["a"]}),
        longest=0,
    ),
    "list option": Parser(
        lists.split_list,
        ["['a', \"b\", c]", "[::1],[::2]", 'a,\n"b,c"'],
        (ValueError,),
        longest=LONGEST_OPTION,
    ),
    "pairs option": Parser(
        lists.split_pairs, ['"k":"v","k2":"v:2"', "{a: b, c: d}"], (ValueError,), longest=LONGEST_OPTION
    ),
    "size option": Parser(kinds.Size(), ["10GB", "1.5 MiB", "0"], (ValueError,)),
    "network option": Parser(kinds.Network(), ["10.0.0.0/8", "2001:db8::/32"], (ValueError,)),
    "configuration file": Parser(
        in_file(lambda path: config_files.read([path], [])),
        ["[DEFAULT]\nenabled_backends = a:file,\n  b:http\n# no\n[a]\nfilesystem_store_datadir=/x\n"],
        longest=0,
    ),
    "address to fetch": Parser(
        judged,
        ["https://u:p%40@ex-ample.org:8443/a%20b?c=d", "http://[2001:db8::1]/x", "http://1.2.3.4/", "http://a.b./"],
    ),
    "address that is shown": Parser(uri.masked, ["https://u:p@example.org:1/x?y#z", "u:p@host/x"], errors=()),
    "secrets in texts": Parser(redact.text, [SECRETS, "http://a.b/c", "token = abc"], errors=()),
    "image id as a name": Parser(names.check_image_id, [UUID]),
    "gzip header": Parser(header_length, [gzip.compress(b"x"), GZIP_HEADER]),
    "gzip": Parser(unpacked("gzip"), [gzip.compress(PLAIN), gzip.compress(b"a") * 3 + bytes(10)]),
    "bzip2": Parser(unpacked("bzip2"), [bz2.compress(PLAIN), bz2.compress(b"a") * 2]),
    "xz": Parser(unpacked("xz"), [lzma.compress(PLAIN), lzma.compress(b"a") + bytes(8) + lzma.compress(b"b")]),
    "zstd": Parser(unpacked("zstd"), [zstd.compress(PLAIN), b"\x5a\x2a\x4d\x18\2\0\0\0ab" + zstd.compress(b"a")]),
    "lz4": Parser(unpacked("lz4"), [lz4.frame.compress(PLAIN), lz4.frame.compress(b"a") * 2]),
    "kind of compression": Parser(detect, [gzip.compress(b"x"), lzma.compress(b"x"), zstd.compress(b"x")], errors=()),
    "kind of archive": Parser(magic.detect, [archive("tar"), archive("zip"), b"\0\0-lh5-" + bytes(40)], errors=()),
    "zip": Parser(in_file(opened(check_zip)), [archive("zip")]),
    "7z": Parser(in_file(opened(check_7z)), [EMPTY_7Z, EMPTY_7Z[:8] + bytes(24)]),
    "manifest": Parser(
        lambda data: Manifest().see(data), [b"SHA256 (a.vmdk) = " + b"ab" * 32 + b"\n", b"<ovf:Envelope>"], errors=()
    ),
    "reader of archives": Parser(frames, [child_words()]),
    "NBD server": Parser(export, [nbd_words()], slow=True),
    "body with an end": Parser(
        framed,
        [
            b"Transfer-Encoding: chunked\n\n5;x=y\r\nabcde\r\n1\r\nf\r\n0\r\nTrailer: x\r\n\r\n",
            b"Content-Length: 5\nConnection: close\n\nabcde",
            b"X: y\n\nabcde",
        ],
        (BadFraming, EOFError),
        slow=True,
    ),
    "web server": Parser(
        fetched,
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: x\r\n\r\nabcde",
            b"HTTP/1.1 302 Found\r\nLocation: /other?x\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            b"HTTP/1.0 404 Not Found\r\n\r\n",
        ],
        slow=True,
    ),
}  # fmt: skip

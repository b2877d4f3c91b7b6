"""A small client of the Image API v2: what an import needs, at any endpoint that speaks it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from glimpse.errors import GlimpseError, NotFound, Unavailable

Record = dict[str, object]

# Large enough that the loop costs nothing (1 GiB in 0.6 s over loopback), small enough that the bar moves.
CHUNK = 1 << 20

# Connecting is quick or hopeless; an answer to an upload may have to wait for the disk behind the service.
TIMEOUT = httpx.Timeout(30.0, read=300.0, write=300.0)


# What a proxy or a service that is being restarted answers: the next try may do better.
AWAY = frozenset({502, 503, 504})


class ServiceError(GlimpseError):
    """The service refused; ``status`` is the HTTP status."""

    code = "service"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ImageClient:
    """Talks to one endpoint. Raises :class:`ServiceError` for refusals, Unavailable when nobody answers."""

    def __init__(self, endpoint: str, token: str | None = None) -> None:
        self._base = endpoint.rstrip("/").removesuffix("/v2")
        headers = {"Accept": "application/json"}
        if token:
            headers["X-Auth-Token"] = token
        self._http = httpx.Client(headers=headers, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def create(self, attributes: Mapping[str, object]) -> tuple[Record, tuple[str, ...]]:
        """A new image record, and the import methods that the service offers (none told: empty)."""
        answer = self._call("POST", "/v2/images", json=attributes)
        methods = answer.headers.get("OpenStack-image-import-methods", "")
        return _record(answer), tuple(name.strip() for name in methods.split(",") if name.strip())

    def stage(self, image: str, path: Path, sent: Callable[[int], None]) -> None:
        """Upload the file to the staging area; ``sent`` is told the bytes sent so far."""
        size = path.stat().st_size
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size),
            "X-OpenStack-Image-Size": str(size),
        }
        self._call("PUT", f"/v2/images/{image}/stage", headers=headers, content=_chunks(path, sent))

    def start_import(self, image: str, method: Mapping[str, object], stores: Sequence[str] | None) -> None:
        """Ask for the import into these stores, all stores for None, the default store for none."""
        body: Record = {"method": dict(method)}
        if stores is None:
            body["all_stores"] = True
        elif stores:
            body["stores"] = list(stores)
        self._call("POST", f"/v2/images/{image}/import", json=body)

    def image(self, image: str) -> Record:
        """The image record."""
        return _record(self._call("GET", f"/v2/images/{image}"))

    def import_record(self, image: str) -> Record | None:
        """What goes on with the newest import of the image; None where the service does not tell."""
        try:
            return _record(self._call("GET", f"/v2/images/{image}/import"))
        except ServiceError as error:
            if error.status in (404, 405):
                return None
            raise

    def tasks(self, image: str) -> list[Record]:
        """The tasks of the image, oldest first; empty where the service has no such call (before v2.12)."""
        try:
            found = _record(self._call("GET", f"/v2/images/{image}/tasks")).get("tasks")
        except ServiceError as error:
            if error.status in (403, 404):
                return []
            raise
        tasks = [task for task in found if isinstance(task, dict)] if isinstance(found, list) else []
        return sorted(tasks, key=lambda task: str(task.get("created_at")))

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Iterator[bytes] | None = None,
    ) -> httpx.Response:
        try:
            answer = self._http.request(
                method, self._base + path, json=json, headers=headers, content=content
            )
        except httpx.InvalidURL as error:
            raise NotFound(f"{self._base} is no endpoint: {error}") from error
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the Image service at {self._base} does not answer: {error}",
                hint="Start one with 'glimpse serve', or name another: --endpoint",
            ) from error
        if answer.status_code in AWAY:
            raise Unavailable(_message(answer))
        if not answer.is_success:
            raise ServiceError(_message(answer), answer.status_code)
        return answer


def _chunks(path: Path, sent: Callable[[int], None]) -> Iterator[bytes]:
    done = 0
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk
            done += len(chunk)
            sent(done)


def _record(answer: httpx.Response) -> Record:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ServiceError(f"{answer.url} does not answer like an Image service", answer.status_code)
    return found


def _message(answer: httpx.Response) -> str:
    """What the service says, in one line: services differ in where they put it, some wrap it in HTML."""
    said = answer.text
    try:
        body = json.loads(said)
    except ValueError:
        if "<html" in said.lower():
            said = answer.reason_phrase
    else:
        if isinstance(body, dict):
            said = str(body.get("message") or body.get("title") or body.get("detail") or answer.reason_phrase)
    said = " ".join(said.replace("<br />", " ").split()) or answer.reason_phrase
    return f"HTTP {answer.status_code}: {said}"

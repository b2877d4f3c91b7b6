"""Asking for an import: what the api room calls for ``POST /v2/images/{id}/import``."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from taskflow.jobs.base import JobBoard

from glimpse.access.caller import Caller
from glimpse.access.keyring import KeyRing
from glimpse.access.policy import Policy
from glimpse.access.quota import UNLIMITED, Ceiling, Quota
from glimpse.access.signature import Signature
from glimpse.access.target import image_target
from glimpse.catalog import Catalog
from glimpse.catalog.records import REGISTRATION, Image, ImportRecord, NewImage, NewImport
from glimpse.config import Settings
from glimpse.errors import Conflict
from glimpse.imports import request as requests
from glimpse.imports import targets
from glimpse.imports.jobs import post
from glimpse.imports.kept import seal
from glimpse.imports.methods import AS_TASK, METHODS, offered
from glimpse.imports.methods.base import Method
from glimpse.imports.plugins.base import Plugin
from glimpse.imports.plugins.thirdparty.adapter import ThirdParty
from glimpse.imports.request import ImportRequest
from glimpse.imports.run import CEILING
from glimpse.stores.registry import Stores

log = logging.getLogger(__name__)


class ImportService:
    """Checks a request, takes the lock and posts the job; a conductor does the rest."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        stores: Stores,
        policy: Policy,
        board: JobBoard,
        plugins: Sequence[Plugin],
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._stores = stores
        self._policy = policy
        self._board = board
        self._keys = KeyRing.of(settings)
        # Nobody else acts in the caller's name.
        self._keeps_token = any(isinstance(plugin, ThirdParty) for plugin in plugins)

    def start(
        self,
        image: Image,
        body: object,
        header_store: str | None,
        caller: Caller,
        signature: Signature | None = None,
        quota: Quota = UNLIMITED,
    ) -> ImportRecord:
        """Begin the import that ``body`` (decoded JSON) asks for on an image that the caller may see.

        What comes must match the ``signature``, if there is one.

        The checks come in the order in which the Image API makes them, and then that of the ``quota`` of the image's
        owner, with the lock. Raises Invalid, Conflict, Forbidden or TooLarge; when it
        returns, the image is ``importing`` and the record is durable, whatever happens to this process.
        """
        request = requests.parse(body, offered(self._settings))
        method = METHODS[request.method]
        described = self._described(image, method, request, header_store, caller, signature, quota.stored)
        method.check(request, image, self._settings)
        admission = quota.importing(image.size, staged=method.source == "staged")
        record = self._catalog.imports.begin(described, (method.required_status,), admission)
        self._post(record)
        return record

    def start_task(
        self,
        new: NewImage,
        body: Mapping[str, object],
        caller: Caller,
        signature: Signature | None = None,
        quota: Quota = UNLIMITED,
    ) -> ImportRecord:
        """Make an image and begin the import that ``body`` asks for, as a task: both or neither.

        ``body`` is that of an import by the method :data:`AS_TASK`. Raises what :meth:`start` and creating raise.
        """
        request = requests.parse(body, (AS_TASK.name,))
        # Before the transaction, in which nothing may be waited for.
        AS_TASK.check_address(request, self._settings)
        record = self._catalog.imports.begin_with_image(
            new,
            lambda image: self._described(image, AS_TASK, request, None, caller, signature, quota.stored),
            quota.importing(None, staged=False, new=True),
        )
        self._post(record)
        return record

    def _described(
        self,
        image: Image,
        method: Method,
        request: ImportRequest,
        header_store: str | None,
        caller: Caller,
        signature: Signature | None,
        ceiling: Ceiling | None,
    ) -> NewImport:
        """The import, once all checks but the method's own have passed. For a task this is part of a transaction."""
        _check_state(image, method)
        _check_formats(image)
        self._policy.check("modify_image", caller, image_target(image))
        if image.import_id is not None:
            raise Conflict(
                "An import of this image is already running.", hint="Follow it, or wait for its end."
            )
        chosen = targets.choose(
            request,
            header_store,
            self._stores.all,
            default=self._settings.default_store,
            multi_store=self._settings.multi_store,
        )
        new = NewImport(
            image_id=image.id,
            method=request.method,
            request=dict(request.body),
            stores=chosen,
            all_stores_must_succeed=request.all_stores_must_succeed,
            owner=caller.project_id,
            user_id=caller.user_id,
            roles=tuple(sorted(caller.roles)),
            request_id=caller.request_id,
            host=self._staging_host(image, method),
            lists_stores=self._settings.multi_store,
            state=_known(signature, ceiling),
        )
        return seal(new, caller, self._keys, keeps_token=self._keeps_token)

    def register(
        self,
        image: Image,
        store: str,
        url: str,
        data: Mapping[str, object] | None,
        caller: Caller,
        signature: Signature | None = None,
        quota: Quota = UNLIMITED,
    ) -> ImportRecord:
        """Begin to make what lies at ``url``, which ``store`` reads, the data of a queued image.

        ``data`` is its hash, as ``os_hash_algo`` and ``os_hash_value``, where that is known. Raises Conflict,
        NotFound.
        """
        if image.status != "queued":
            raise Conflict(f"Image {image.id} is {image.status}; this needs one that is queued.")
        _check_formats(image)
        named = NewImport(
            image_id=image.id,
            method=REGISTRATION,
            request={"loc_url": url, "validation_data": dict(data or {})},
            stores=(store,),
            owner=caller.project_id,
            user_id=caller.user_id,
            roles=tuple(sorted(caller.roles)),
            request_id=caller.request_id,
            lists_stores=False,
            state=_known(signature, quota.named_ceiling),
        )
        record = self._catalog.imports.begin(seal(named, caller, self._keys), from_statuses=("queued",))
        self._post(record)
        return record

    def _post(self, record: ImportRecord) -> None:
        try:
            post(self._board, record)
        except Exception:
            log.warning(
                "Job of import %s not posted; a conductor will find the record.", record.id, exc_info=True
            )

    def _staging_host(self, image: Image, method: Method) -> str | None:
        """The host whose conductors can do it: the one that holds the staged bytes, or any."""
        if method.source != "staged":
            return None
        staged = self._catalog.staged.get(image.id)
        return None if staged is None else staged.host


def _known(signature: Signature | None, ceiling: Ceiling | None) -> dict[str, object]:
    """What the engine knows from the beginning: the signature that the image had when the import was asked for, and
    what bounded its owner's bytes then.
    """
    known: dict[str, object] = {} if signature is None else {"signature": signature.to_dict()}
    return known if ceiling is None else {**known, CEILING: asdict(ceiling)}


def _check_state(image: Image, method: Method) -> None:
    if image.status == "active":
        raise Conflict(f"Image {image.id} is active; only an image without data can be imported.")
    if image.status != method.required_status:
        need = "data must be staged first" if method.source == "staged" else "it must be queued"
        raise Conflict(
            f"Import by {method.name} is not possible for an image in status {image.status!r}: {need}."
        )


def _check_formats(image: Image) -> None:
    for name in ("container_format", "disk_format"):
        if getattr(image, name) is None:
            raise Conflict(f"'{name}' must be set before the import.", hint="PATCH the image first.")

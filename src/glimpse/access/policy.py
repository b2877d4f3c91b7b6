"""Who may do what: the rules of :mod:`glimpse.access.rules`, changed by the operator's policy files."""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from oslo_config import cfg
from oslo_policy import policy as oslo

from glimpse.access.caller import Caller
from glimpse.access.checks import Check, Compiler, Target
from glimpse.access.rules import METADEF_RULES, OF_ONE_PROJECT, RULES, Rule
from glimpse.config import Settings
from glimpse.errors import Forbidden, Invalid

LOG = logging.getLogger(__name__)
# It logs a traceback for a rule that it cannot parse. The operator is told in one line which rule, in which file.
logging.getLogger("oslo_policy._parser").setLevel(logging.CRITICAL)

# Where nothing else is named, an installation may still have its rules under the old name. To pass them over would allow
# what they forbid.
NEW_NAME, OLD_NAME = "policy.yaml", "policy.json"

# An operator who edits a policy file expects it to hold without a restart. A look at the files' times costs
# 30 µs.
RELOAD_SECONDS = 2.0

# Options that mean to oslo.policy itself what they say.
HANDED_ON = (
    "policy_default_rule", "remote_content_type", "remote_timeout", "remote_ssl_verify_server_crt",
    "remote_ssl_ca_crt_file", "remote_ssl_client_crt_file", "remote_ssl_client_key_file",
)  # fmt: skip


class BrokenPolicy(Invalid):
    """A policy file cannot be understood; the service must not start with it."""

    code = "broken-policy"


class Policy:
    """Answers whether a caller may apply a rule to a target. Thread-safe."""

    def __init__(
        self,
        policy_files: Path | Sequence[Path] = (),
        policy_dirs: Sequence[Path] = (),
        *,
        new_defaults: bool = True,
        anonymous: bool = False,
        options: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Read the first of the files that exists, and what is in the directories; all are looked for again later.

        ``anonymous``: callers without authentication may read what is public. ``options`` are what differs from
        oslo.policy's defaults. Raises :class:`BrokenPolicy`, naming the rule.
        """
        self._new_defaults = new_defaults
        self._anonymous = anonymous
        self._options = {"enforce_new_defaults": new_defaults, **options}
        self._files = (policy_files,) if isinstance(policy_files, Path) else tuple(policy_files)
        self._dirs = tuple(policy_dirs)
        self._lock = threading.Lock()
        self._checked_at = time.monotonic()
        self._stamp = self._times()
        self._compiled = self._load()

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """The policy that a configuration names; relative names are looked for beside the configuration."""
        named = settings.oslo_policy
        names = [named.policy_file, *([OLD_NAME] if named.policy_file == NEW_NAME else [])]
        policy = cls(
            [path for name in names for path in _beside(settings, name)],
            [path for name in named.policy_dirs for path in _beside(settings, name)],
            new_defaults=named.enforce_new_defaults,
            anonymous=settings.default.allow_anonymous_access,
            options={name: getattr(named, name) for name in HANDED_ON},
        )
        if policy._file() is None and named.policy_file != NEW_NAME:
            LOG.warning("[oslo_policy] policy_file = %s: there is no such file", named.policy_file)
        return policy

    def check(self, rule: str, caller: Caller, target: Target) -> None:
        """Raise Forbidden unless the caller may."""
        if not self.allows(rule, caller, target):
            raise Forbidden(f"You are not allowed to do this ({rule}).")

    def allows(self, rule: str, caller: Caller, target: Target) -> bool:
        """Whether the caller may."""
        if time.monotonic() - self._checked_at > RELOAD_SECONDS:
            self._reload()
        compiled = self._compiled.get(rule)
        if compiled is None or not compiled(caller, target):
            return False
        return (
            self._new_defaults
            or rule not in OF_ONE_PROJECT
            or _is_of(caller, target.get(OF_ONE_PROJECT[rule]))
        )

    def __contains__(self, rule: str) -> bool:
        """Whether there is a rule of this name, by default or in a file."""
        return rule in self._compiled

    def is_admin(self, caller: Caller) -> bool:
        """Whether the operator regards the caller as an administrator."""
        return self.allows("context_is_admin", caller, {})

    def _reload(self) -> None:
        with self._lock:
            if time.monotonic() - self._checked_at <= RELOAD_SECONDS:
                return
            self._checked_at = time.monotonic()
            stamp = self._times()
            if stamp == self._stamp:
                return
            gone = sorted({each[0] for each in self._stamp} - {each[0] for each in stamp})
            self._stamp = stamp
            try:
                self._compiled = self._load()
            except BrokenPolicy as error:
                LOG.error("policy: %s; the rules read before stay in force", error.message)
                return
            if gone:
                LOG.warning("policy: %s is gone; what it said holds no more", ", ".join(gone))
            LOG.info("policy: the rules were read again")

    def _file(self) -> Path | None:
        return next((path for path in self._files if path.is_file()), None)

    def _sources(self) -> list[Path]:
        """The files that there are, each to be read after those before it."""
        file = self._file()
        found = [] if file is None else [file]
        for directory in self._dirs:
            if directory.is_dir():
                inside = (path for path in directory.iterdir() if not path.name.startswith("."))
                found += sorted(path for path in inside if path.is_file())
        return found

    def _times(self) -> tuple[tuple[str, int, int, int], ...]:
        found = []
        for path in self._sources():
            with suppress(OSError):
                status = path.stat()
                found.append((str(path), status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)

    def _load(self) -> dict[str, Check]:
        _refuse_broken(self._sources())
        # A new one each time: checks that it compiled before go on asking the old one.
        enforcer = _enforcer(self._file(), [path for path in self._dirs if path.is_dir()], self._options)
        for rule in (*RULES, *METADEF_RULES):
            enforcer.register_default(oslo.RuleDefault(rule.name, self._default(rule)))
        enforcer.load_rules(force_reload=True)
        # A default rule that the operator has written stands in for rules that are not there. The one that is there
        # without files allows everything: a misspelt name must not lead to it.
        enforcer.skip_undefined_check = enforcer.default_rule in enforcer.file_rules
        try:
            enforcer.check_rules(raise_on_violation=True)
        except oslo.InvalidDefinitionError as error:
            raise BrokenPolicy(
                f"A policy rule refers to itself or to a rule that is not defined: {error}"
            ) from error
        compiler = Compiler(enforcer)
        return {name: compiler.rule(name) for name in enforcer.rules}

    def _default(self, rule: Rule) -> str:
        also = [] if self._new_defaults or rule.legacy is None else [rule.legacy]
        if self._anonymous and rule.anonymous is not None:
            also.append(rule.anonymous)
        return " or ".join([f"({rule.check})", *also]) if also else rule.check


def _beside(settings: Settings, name: str) -> list[Path]:
    """Where a file of this name may be; never the working directory, in which others may write."""
    return [Path(name)] if Path(name).is_absolute() else [place / name for place in settings.search_path]


def _is_of(caller: Caller, project: object) -> bool:
    return caller.is_admin or (caller.project_id is not None and caller.project_id == project)


def _enforcer(
    policy_file: Path | None, policy_dirs: Sequence[Path], options: Mapping[str, object]
) -> oslo.Enforcer:
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[], default_config_dirs=[])
    enforcer = oslo.Enforcer(conf, policy_file=str(policy_file) if policy_file else None)
    told = {**options, "policy_dirs": [str(path) for path in policy_dirs]}
    for name, value in told.items():
        conf.set_override(name, value, group="oslo_policy")
    # It has looked for that before.
    enforcer.default_rule = conf.oslo_policy.policy_default_rule
    if policy_file is None:
        # Without a name oslo.policy looks for policy.yaml in /etc and in the home directory.
        enforcer.policy_file = "/nonexistent/policy.yaml"
    return enforcer


def _refuse_broken(files: Iterable[Path]) -> None:
    """oslo.policy makes "deny" of a rule that it cannot parse, and logs it; an operator should know."""
    for path in files:
        try:
            rules = oslo.parse_file_contents(path.read_text())
        except (ValueError, OSError, RecursionError) as error:
            raise BrokenPolicy(f"The policy file {path} cannot be read: {error}") from error
        if not isinstance(rules, dict):
            raise BrokenPolicy(f"The policy file {path} must map names of rules to rules.")
        for name, check in rules.items():
            try:
                parsed = str(oslo.RuleDefault(str(name), check).check)
            except Exception as error:  # whatever a wrong type makes the parser stumble over
                raise BrokenPolicy(f"The rule {name} in {path} cannot be understood: {check!r}") from error
            if parsed == "!" and str(check).strip() != "!":
                raise BrokenPolicy(f"The rule {name} in {path} cannot be understood: {check!r}")

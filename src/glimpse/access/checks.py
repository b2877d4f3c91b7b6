"""oslo.policy's check trees, made into plain functions.

oslo.policy evaluates a tree by inspecting every node's signature and reading policy files' times at each
call: 90 µs for ``get_image``. A listing asks once for each image, so a tree is compiled once into closures;
the same question then takes about 1 µs. Kinds of checks that are not known here (``http:``, an operator's
own) are left to oslo.policy.
"""

import ast
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TypeAlias

from oslo_policy import _checks as tree
from oslo_policy import policy as oslo

from glimpse.access.caller import Caller

Target: TypeAlias = Mapping[str, object]
Check: TypeAlias = Callable[[Caller, Target], bool]

_ONE_KEY = re.compile(r"%\(([^()]+)\)s")

CREDENTIALS: Mapping[str, Callable[[Caller], object]] = {
    "user_id": lambda caller: caller.user_id,
    "user": lambda caller: caller.user_id,
    "project_id": lambda caller: caller.project_id,
    "tenant": lambda caller: caller.project_id,
    "tenant_id": lambda caller: caller.project_id,
    "is_admin": lambda caller: caller.is_admin,
    "user_domain_id": lambda caller: caller.user_domain_id,
    "project_domain_id": lambda caller: caller.project_domain_id,
    "service_user_id": lambda caller: caller.service_user_id,
    "service_project_id": lambda caller: caller.service_project_id,
}


def credentials(caller: Caller) -> dict[str, object]:
    """The caller in the form that oslo.policy's own checks take."""
    values: dict[str, object] = {name: get(caller) for name, get in CREDENTIALS.items()}
    values["roles"] = sorted(caller.roles)
    values["service_roles"] = sorted(caller.service_roles)
    values["request_id"] = caller.request_id
    return values


class Compiler:
    """Compiles the rules of one enforcer; rules that other rules refer to are compiled once."""

    def __init__(self, enforcer: oslo.Enforcer) -> None:
        self._enforcer = enforcer
        self._done: dict[str, Check] = {}

    def rule(self, name: str) -> Check:
        """The check of the rule of this name. For one that no file and no default defines the default rule stands in;
        where that is not there either, everything is denied.
        """
        if name not in self._done:
            # A placeholder first: a rule that refers to itself must not send us round for ever.
            self._done[name] = _deny
            # Not get(), which knows of no default rule.
            with suppress(KeyError):
                self._done[name] = self._compile(self._enforcer.rules[name], name)
        return self._done[name]

    def _compile(self, node: tree.BaseCheck, rule: str) -> Check:
        # Exact types: a subclass may have changed what the check means.
        kind = type(node)
        if kind is tree.TrueCheck:
            return _allow
        if kind is tree.FalseCheck:
            return _deny
        if isinstance(node, tree.AndCheck):
            return _every(tuple(self._compile(part, rule) for part in node.rules))
        if isinstance(node, tree.OrCheck):
            return _either(tuple(self._compile(part, rule) for part in node.rules))
        if isinstance(node, tree.NotCheck):
            return _negated(self._compile(node.rule, rule))
        if kind is tree.RuleCheck and isinstance(node, tree.Check):
            return self.rule(node.match)
        if kind is tree.RoleCheck and isinstance(node, tree.Check) and "%" not in node.match:
            return _role(node.match.lower())
        if kind is tree.GenericCheck and isinstance(node, tree.Check):
            generic = _generic(node.kind, node.match)
            if generic is not None:
                return generic
        return self._foreign(node, rule)

    def _foreign(self, node: tree.BaseCheck, rule: str) -> Check:
        enforcer = self._enforcer

        def check(caller: Caller, target: Target) -> bool:
            return bool(tree._check(node, target, credentials(caller), enforcer, rule))

        return check


def _allow(caller: Caller, target: Target) -> bool:
    return True


def _deny(caller: Caller, target: Target) -> bool:
    return False


def _every(parts: tuple[Check, ...]) -> Check:
    def check(caller: Caller, target: Target) -> bool:
        # A loop: the generator that all() and any() need costs more than the parts do.
        for part in parts:  # noqa: SIM110
            if not part(caller, target):
                return False
        return True

    return check


def _either(parts: tuple[Check, ...]) -> Check:
    def check(caller: Caller, target: Target) -> bool:
        for part in parts:  # noqa: SIM110
            if part(caller, target):
                return True
        return False

    return check


def _negated(part: Check) -> Check:
    return lambda caller, target: not part(caller, target)


def _role(name: str) -> Check:
    return lambda caller, target: name in caller.roles


def _generic(kind: str, match: str) -> Check | None:
    """``kind`` names a credential or is a literal; ``match`` a literal or one ``%(attribute)s``. None:
    another form.
    """
    key = _ONE_KEY.fullmatch(match)
    if key is None and "%" in match:
        return None
    if kind == "service_roles" and key is None:
        return lambda caller, target: match in caller.service_roles
    get = CREDENTIALS.get(kind)
    if get is None:
        try:
            literal = str(ast.literal_eval(kind))
        except (ValueError, SyntaxError):
            return None
        return _attribute_is(key[1], literal) if key else (_allow if match == literal else _deny)
    return _attribute_is_own(key[1], get) if key else _credential_is(get, match)


def _attribute_is(key: str, literal: str) -> Check:
    return lambda caller, target: key in target and str(target[key]) == literal


def _attribute_is_own(key: str, get: Callable[[Caller], object]) -> Check:
    def check(caller: Caller, target: Target) -> bool:
        # Nothing is not the same as nothing: who has no project does not own the images without an owner.
        mine, its = get(caller), target.get(key)
        return mine is not None and its is not None and (mine == its or str(mine) == str(its))

    return check


def _credential_is(get: Callable[[Caller], object], literal: str) -> Check:
    return lambda caller, target: str(get(caller)) == literal

"""What others must not read is taken out of texts: of log lines, messages, records and errors.

In two ways, because each alone misses something. What looks like a secret goes: userinfo and query of an address, the
values of headers and fields that carry credentials, tokens of Keystone. And what this process holds as a
:class:`glimpse.access.secret.Secret` goes wherever it stands, for example in the words of somebody's plugin.
"""

import re
from collections.abc import Mapping

from glimpse.access.secret import known
from glimpse.transfer.sources.uri import masked

MASK = "***"

# To the end of the word. A single quote may be part of a password; a double one may not. No scheme is that long: with
# "*" each letter of a long word was looked at once for each that stands before it, 3 s for 64 KiB.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}://[^\s\"<>`]+")
# What follows an address in a sentence, a list or a call.
_AFTER = "'.,;:!)}"

# As it stands in requests, in Python's and JSON's mappings and pairs, and in the command lines that clients log.
# Without quotes everything up to the end of the line is the value: credentials and cookies have spaces in them.
_HEADER = re.compile(
    r"((?:x-(?:auth|service|subject|storage)-token|x-auth-key|x-amz-security-token"
    r"|(?:proxy-)?authorization|(?:set-)?cookie)[\"']?\s*+[:=,]\s*+)(?:b(?=[\"']))?+"
    r"(?:\"[^\"\r\n]*\"|'[^'\r\n]*'|(?!\*\*\*(?:\W|$))[^\r\n]+)",
    re.IGNORECASE,
)

_NAME = (
    r"[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|(?:api|access|private|secret|auth)[_-]?key|signature"
    r"|credentials?|(?<![a-z])sig|(?<![a-z])pwd)"
)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# name=value as in queries, calls and connection strings, or 'name': value as in mappings.
_FIELD = re.compile(
    rf"((?<![\w.-]){_NAME}(?:\s*+=|[\"']\s*+:)\s*+)(?:b(?=[\"']))?+(?:\"[^\"\r\n]*\"|'[^'\r\n]*'|[^\s&,;)}}\"']+)",
    re.IGNORECASE,
)

# One of these is in whatever the two above find. Most texts have none, and take 2 µs instead of 48.
_WORDS = ("token", "auth", "key", "secret", "passw", "passphrase", "sig", "credential", "pwd", "cookie")

# Fernet and JWS tokens of Keystone, and Basic credentials, begin like this and are never shorter.
_TOKEN = re.compile(
    r"gAAAAA[A-Za-z0-9_-]{60,}={0,2}"
    r"|(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}"
    r"|(?<=Basic )(?=[a-z]*[A-Z0-9+/])[A-Za-z0-9+/]{8,}={0,2}"
)

_BEGINNINGS = ("gAAAAA", "eyJ", "Basic ")

# Shorter ones may be part of any word: who has the password "glance" finds few lines to read otherwise.
_LEAST = 8

# Deeper than any request that means something.
_DEEPEST = 32


def without_known(said: str) -> str:
    """``said`` without the secrets that this process holds."""
    for secret in known():
        if len(secret) >= _LEAST and secret in said:
            said = said.replace(secret, MASK)
    return said


def text(said: str) -> str:
    """``said`` without secrets; whatever is left of it is safe to keep and to show."""
    said = without_known(said)
    if "://" in said:
        said = _ADDRESS.sub(_shown, said)
    if any(begin in said for begin in _BEGINNINGS):
        said = _TOKEN.sub(MASK, said)
    small = said.lower()
    if any(word in small for word in _WORDS):
        said = _FIELD.sub(rf"\1{MASK}", _HEADER.sub(rf"\1{MASK}", said))
    return said


def value(given: object) -> object:
    """A JSON value without secrets: in its texts, and under names that say that a secret stands there."""
    return _value(given, 0)


def _value(given: object, depth: int) -> object:
    if isinstance(given, str):
        return text(given)
    if depth == _DEEPEST:
        return MASK
    if isinstance(given, Mapping):
        return {
            text(name): MASK
            if isinstance(each, str) and _SECRET_NAME.fullmatch(name)
            else _value(each, depth + 1)
            for name, each in given.items()
        }
    if isinstance(given, list | tuple):
        return [_value(each, depth + 1) for each in given]
    return given


def _shown(match: re.Match[str]) -> str:
    address = match[0].rstrip(_AFTER)
    return masked(address) + match[0][len(address) :]

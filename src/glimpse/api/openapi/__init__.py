"""The OpenAPI document: what every operation takes and answers, from the descriptions that requests are checked
against.
"""

from glimpse.api.openapi.document import build

__all__ = ["build"]

"""``stamp_asks``: acts in the caller's name, and talks about it more than it should."""

import hashlib
import logging

from taskflow import task

from stamping.settings import write_down

LOG = logging.getLogger(__name__)


class Ask(task.Task):
    default_provides = "asked_with"

    def __init__(self, context, import_req):
        super().__init__(name="stamp-asks")
        self.context = context
        self.import_req = import_req

    def execute(self, file_path):
        context = self.context
        LOG.warning("asking for %s as %s: %s", self.import_req, context, context.to_dict())
        write_down(
            plugin="asks",
            token=hashlib.sha256(context.auth_token.encode()).hexdigest(),
            services=[service["type"] for service in context.service_catalog],
        )
        if "admin" in context.roles:
            raise RuntimeError(f"{context.auth_token} is not welcome at {self.import_req}")
        return context.auth_token


def get_flow(**kwargs):
    return Ask(kwargs["context"], kwargs["import_req"])

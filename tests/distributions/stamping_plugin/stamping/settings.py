"""The section of these plugins in the operator's configuration."""

import json
from pathlib import Path

from oslo_config import cfg

GROUP = "stamping"

cfg.CONF.register_opts(
    [
        cfg.StrOpt("text", default="STAMP", help="What is written."),
        cfg.StrOpt("diary", help="A file in which each plugin writes down what it did."),
        cfg.StrOpt("once", help="A file that says that a conductor has been killed already."),
    ],
    group=GROUP,
)


def text():
    return cfg.CONF.stamping.text.encode()


def write_down(**what):
    """One more line in the diary."""
    if cfg.CONF.stamping.diary:
        with Path(cfg.CONF.stamping.diary).open("a") as diary:
            diary.write(json.dumps(what) + "\n")


def path_of(uri):
    return Path(uri.removeprefix("file://"))

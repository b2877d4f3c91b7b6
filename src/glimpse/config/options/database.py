"""The database of images."""

from typing import Annotated

from glimpse.config.declare import SECRET, Alias, Form, Range, Section, Shown


class Database(Section):
    """The database that knows what images there are."""

    owner = "oslo.db"

    connection: Annotated[
        str,
        "The database, as a URL for SQLAlchemy: mysql+pymysql://user:password@host/glance, postgresql://…, "
        "sqlite:///path.",
        Form(
            r"(|[a-z0-9]+(\+[a-z0-9_]+)?://\S*)",
            "a database URL such as mysql+pymysql://user:password@host/glance",
        ),
        SECRET,
        Alias("DEFAULT", "sql_connection"),
        Alias("database", "sql_connection"),
        Shown("sqlite:///<data>/glimpse.db"),
    ] = ""
    max_pool_size: Annotated[int, "Connections that one process keeps open.", Range(0)] = 5
    max_overflow: Annotated[int, "Connections that it may open beyond those.", Range(0)] = 50
    pool_timeout: Annotated[int, "Seconds to wait for a free one.", Range(0)] = 30
    connection_recycle_time: Annotated[int, "Seconds after which a connection is replaced.", Range(-1)] = 3600
    max_retries: Annotated[int, "How often to try to connect at start; -1: until it succeeds.", Range(-1)] = (
        10
    )
    retry_interval: Annotated[int, "Seconds between two tries.", Range(0)] = 10

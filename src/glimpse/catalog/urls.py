"""Addresses of databases, as existing installations write them."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from glimpse.errors import Invalid

# What a bare name means. MariaDB and MySQL are one dialect to SQLAlchemy, under the older name: with the other
# one the tables' own character set would be ignored. psycopg 3 lets the server keep the plans of statements, which
# psycopg2 has made anew each time; both speak libpq, so that what stands behind the question mark stays true.
DRIVERS = {
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg2": "postgresql+psycopg",
}
OLD_CHARSETS = frozenset({"utf8", "utf8mb3"})


def database_url(text: str | URL) -> URL:
    """The address with its driver. Raises Invalid for what is none, or has a driver that is not installed."""
    try:
        url = make_url(text)
        backend, _, driver = url.drivername.partition("+")
        if named := DRIVERS.get(url.drivername):
            url = url.set(drivername=named)
        elif backend == "mariadb":
            url = url.set(drivername=f"mysql+{driver}")
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise Invalid(
            f"The database's URL cannot be used: {type(error).__name__}.",
            hint="It looks like postgresql://user:password@host/glance, mysql://user:password@host/glance "
            "or sqlite:///path. Other drivers than psycopg and pymysql have to be installed.",
        ) from None
    if url.get_backend_name() == "mysql":
        # `charset=utf8` was the advice for years; to MariaDB it means no characters beyond the first 65,536.
        charset = url.query.get("charset", "utf8")
        url = url.update_query_dict({"charset": "utf8mb4"}) if charset in OLD_CHARSETS else url
    return url


def place(url: URL) -> str:
    """The address for messages: without its password."""
    return url.set(query={}).render_as_string(hide_password=True)

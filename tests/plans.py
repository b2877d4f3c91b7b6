"""How a database answers a question: which tables it reads from end to end, and how many rows it looks at.

with plans(db) as found:
    catalog.images.list(query, viewer)
for plan in found:
    assert not plan.whole and plan.rows < 3000, plan
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

from glimpse.catalog import Database

# Steps of SQLite's virtual machine for a row that is looked at and found wanting; one that is taken needs more.
STEPS_OF_A_ROW = 3
TEMPORARY = re.compile(r"SCAN (\(subquery|subquery|SUBQUERY|\d|anon|CONSTANT|\d+-ROW)")


@dataclass
class Plan:
    """What one statement did. ``whole`` are the tables that were read without the help of an index.

    ``indexes`` are those used. ``rows`` are all rows looked at, also by index (on SQLite reckoned from the steps of
    its virtual machine). ``sorts`` says whether something was sorted, be it three rows: judge it by ``rows``.
    """

    statement: str
    whole: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)
    rows: int = 0
    sorts: bool = False
    text: str = ""

    def __str__(self) -> str:
        facts = f"whole tables {self.whole or 'none'}, rows {self.rows}, sorts {self.sorts}"
        return f"{facts}\n{self.statement}\n{self.text}"


@contextmanager
def plans(db: Database) -> Iterator[list[Plan]]:
    """The plans of what is read meanwhile, in order; filled at the end of the block. Each is run once more for it."""
    seen: list[tuple[str, Any]] = []

    def note(conn: object, cursor: object, statement: str, parameters: Any, *rest: object) -> None:
        if statement.lstrip().upper().startswith("SELECT"):
            seen.append((statement, parameters))

    found: list[Plan] = []
    event.listen(db._engines.reads, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(db._engines.reads, "before_cursor_execute", note)
    explain = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mariadb}[db.dialect]
    with db.read() as connection:
        found += [explain(connection, statement, parameters) for statement, parameters in seen]


def _sqlite(connection: Connection, statement: str, parameters: Any) -> Plan:
    plan = Plan(statement)
    lines = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    for line in lines:
        if line.startswith("SCAN") and not TEMPORARY.match(line):
            plan.whole.add(line.split()[1])
        plan.indexes.update(re.findall(r"USING (?:COVERING )?INDEX (\S+)", line))
        plan.sorts |= "TEMP B-TREE" in line
    driver: Any = connection.connection.driver_connection
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 10
        return 0

    driver.set_progress_handler(count, 10)
    try:
        connection.exec_driver_sql(statement, parameters).all()
    finally:
        driver.set_progress_handler(None, 0)
    plan.rows, plan.text = steps // STEPS_OF_A_ROW, "\n".join(lines)
    return plan


def _postgresql(connection: Connection, statement: str, parameters: Any) -> Plan:
    answer = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar()
    plan = Plan(statement, text=json.dumps(answer, indent=1))
    for node in _dicts(answer):
        kind = node.get("Node Type", "")
        plan.sorts |= "Sort" in kind
        if "Index Name" in node:
            plan.indexes.add(node["Index Name"])
        if "Scan" not in kind or kind in ("Subquery Scan", "CTE Scan", "Values Scan", "Function Scan"):
            continue
        dropped = sum(
            node.get(name, 0) for name in ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        )
        plan.rows += round((node["Actual Rows"] + dropped) * node["Actual Loops"])
        if kind == "Seq Scan":
            plan.whole.add(node["Relation Name"])
    return plan


def _mariadb(connection: Connection, statement: str, parameters: Any) -> Plan:
    plan = Plan(statement)
    plan.text = str(connection.exec_driver_sql(f"ANALYZE FORMAT=JSON {statement}", parameters).scalar())
    for node in _dicts(json.loads(plan.text)):
        plan.sorts |= "filesort" in node
        table = node.get("table")
        if not isinstance(table, dict) or "access_type" not in table:
            continue
        plan.rows += round((table.get("r_rows") or 0) * (table.get("r_loops") or 0))
        if "key" in table:
            plan.indexes.add(table["key"])
        if table["access_type"] == "ALL" and not table["table_name"].startswith("<"):
            plan.whole.add(table["table_name"])
    return plan


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in there."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dicts(child)

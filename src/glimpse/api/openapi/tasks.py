"""What is documented of tasks."""

from glimpse.api.openapi.images import PAGE, WORD
from glimpse.api.openapi.parts import Answer, Described, body, json, query, text
from glimpse.api.schema import TASK_STATUSES

FILTERS = (
    query("status", "Only tasks in this status.", text(enum=list(TASK_STATUSES))),
    query("type", "Only tasks of this type.", text(enum=["import"])),
    query("sort_key", "The key to sort by.", WORD),
    query("sort_dir", "The direction to sort in.", text(enum=["asc", "desc"])),
)

OPERATIONS = {
    "GET /v2/tasks": Described({200: Answer("A page of tasks.", json("Tasks"))}, (403,), (*PAGE, *FILTERS)),
    "POST /v2/tasks": Described(
        {201: Answer("The task.", json("Task"), ("Location",))}, (403, 413), body=body(json("TaskCreate"))
    ),
    "GET /v2/tasks/{task_id}": Described({200: Answer("The task.", json("Task"))}, (403, 404)),
}

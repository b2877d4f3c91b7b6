"""How imports are run, and how long they are remembered."""

from typing import Annotated

from glimpse.config.declare import Choices, Range, Section


class Task(Section):
    """The records of imports, which are also the Tasks API's tasks."""

    task_time_to_live: Annotated[int, "Hours that the record of a finished import is kept.", Range(0)] = 48
    task_executor: Annotated[str, "What runs imports.", Choices("taskflow", "")] = "taskflow"


class TaskflowExecutor(Section):
    """The engine that runs imports."""

    engine_mode: Annotated[str, "Accepted for old files; has no effect.", Choices("parallel", "serial")] = (
        "parallel"
    )
    # Glance's 10 are threads of one import. Four imports keep two cores busy, with 330 MiB and four work spaces at most.
    max_workers: Annotated[int, "Imports that one conductor process runs at once; see Sizing.", Range(1)] = 4

"""A site's own users, in files that ``htpasswd`` writes."""

import subprocess
from pathlib import Path

# The least that htpasswd can do: tests are many.
COST = "4"
ROLES = """\
# user:project:role,role
olga:operators:admin

ron:blue: Reader
ann:blue:member
"""


def set_password(path: Path, user: str, password: str, cost: str = COST) -> None:
    """Add a user, or change a password, as an operator does."""
    create = [] if path.exists() else ["-c"]
    command = ["htpasswd", "-B", "-C", cost, "-i", *create, str(path), user]
    subprocess.run(command, input=password.encode(), check=True, capture_output=True)


def make_site(directory: Path) -> None:
    """Four users; of zoe only the password is known."""
    directory.mkdir(parents=True, exist_ok=True)
    for user in ("ann", "olga", "ron", "zoe"):
        set_password(directory / "htpasswd", user, f"{user}'s secret")
    (directory / "htpasswd-roles").write_text(ROLES)

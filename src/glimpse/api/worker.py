"""What a worker process of the HTTP server runs; imported there only, which keeps the server small."""

from fastapi import FastAPI

from glimpse.api.app import create_app
from glimpse.api.environment import settings_of_environment
from glimpse.api.server import die_with_parent


def application() -> FastAPI:
    """The application for the settings that the environment names."""
    die_with_parent()
    return create_app(settings_of_environment())

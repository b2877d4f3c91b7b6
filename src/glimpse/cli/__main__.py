"""``python -m glimpse.cli``: how the supervisor starts its children, whatever the PATH is."""

from glimpse.cli.main import main

if __name__ == "__main__":
    main()

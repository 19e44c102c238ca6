"""``python -m congling`` is the command ``congling``."""

from __future__ import annotations

from congling.cli.main import main_and_exit

if __name__ == "__main__":
    main_and_exit()

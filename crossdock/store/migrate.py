"""Bring a database to the newest schema, by Alembic; the scripts are in store/scripts/versions."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

#: The newest script in store/scripts/versions; a test keeps it so.
HEAD = "0001"


def migrate(engine: sa.Engine) -> None:
    """Run the scripts that ``engine``'s database has not seen, in one transaction each."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "scripts"))
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7423001)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def revise(message: str, number: str) -> None:
    """Write the next script from the difference between the newest one and schema.py."""
    from alembic import command
    from alembic.config import Config

    engine = sa.create_engine("sqlite://")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "scripts"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        command.revision(config, message, autogenerate=True, rev_id=number)


if __name__ == "__main__":  # python -m crossdock.store.migrate 0002 "why the schema changed"
    import sys

    revise(sys.argv[2], sys.argv[1])

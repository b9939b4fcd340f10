"""The environment that Alembic runs for every command."""

from __future__ import annotations

from alembic import context

from catalog.database import is_modelled, migrating
from catalog.home import open_home
from catalog.models import Base


def run() -> None:
    """Migrate the URL that was given, else the one of the default home."""
    url = context.config.attributes.get("url") or open_home().database_url
    if context.is_offline_mode():
        context.configure(url=url, target_metadata=Base.metadata, literal_binds=True)
        context.run_migrations()
        return
    with migrating(url) as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            include_name=is_modelled,
        )
        context.run_migrations()


run()

"""`kesu models …` and `kesu keys …`: which bundle is served, and who may ask."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["keys", "models"]

models = typer.Typer(no_args_is_help=True, help="Bundles on the shelf: which is served, and changing it.")
keys = typer.Typer(no_args_is_help=True, help="API keys and their roles.")


@models.command("list")
def models_list() -> None:
    """Bundles on the shelf, the newest first."""
    from serving.models import list_bundles
    from serving.settings import read_settings

    for entry in list_bundles(read_settings().data_dir / "bundles"):
        print(f"{'*' if entry.current else ' '} {entry.name}  {entry.version}  {entry.created}")


@models.command("promote")
def models_promote(folder: Path) -> None:
    """Serve this bundle from now on; running servers take it up within seconds."""
    from serving.models import promote
    from serving.settings import read_settings

    print(f"serving {promote(read_settings().data_dir / 'bundles', folder, datetime.now(UTC))}")


@models.command("rollback")
def models_rollback() -> None:
    """Serve the bundle before the present one again."""
    from serving.models import rollback
    from serving.settings import read_settings

    print(f"serving {rollback(read_settings().data_dir / 'bundles', datetime.now(UTC))}")


@keys.command("add")
def keys_add(
    name: str, role: Annotated[str, typer.Option(help="intake, supervisor, scientist or admin")] = "intake"
) -> None:
    """Make a key; it is shown once. From the first key on every caller needs one."""
    from serving.auth import add_key
    from serving.settings import read_settings
    from serving.store import open_store

    print(add_key(open_store(read_settings().store_url), name, role))


@keys.command("list")
def keys_list() -> None:
    """Every key, without its secret."""
    from serving.auth import list_keys
    from serving.settings import read_settings
    from serving.store import open_store

    for key in list_keys(open_store(read_settings().store_url)):
        print(f"{key['id']}  {key['role']:10s} {key['name']}{'  revoked' if key['revoked_at'] else ''}")


@keys.command("revoke")
def keys_revoke(identity: str) -> None:
    """End a key."""
    from serving.auth import revoke_key
    from serving.settings import read_settings
    from serving.store import open_store

    revoke_key(open_store(read_settings().store_url), identity)

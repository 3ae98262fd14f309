"""``haitan-collector user``: who may log in at this centre. Passwords are asked for, never taken from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from collector.api.users import Users

user = typer.Typer(no_args_is_help=True, help="Users who may log in at the page: add (or set a new password), list, remove.")
Config = Annotated[Path | None, typer.Option("--config", help="COLLECTOR.yaml of the centre", exists=True, dir_okay=False)]
Data = Annotated[Path | None, typer.Option("--data", help="data folder of the centre, where the configuration does not say")]


def _users(config: Path | None, data: Path | None) -> Users:
    from collector.api.users import Users
    from collector.config import load_config
    from collector.errors import CollectorError

    try:
        settings = load_config(config, data=data)
    except CollectorError as error:
        _fail(error)
    return Users(settings.http.users or settings.data / "users.json")


def _fail(error: Exception) -> NoReturn:
    typer.echo(str(error), err=True)
    raise typer.Exit(1)


@user.command("add")
def add(name: str, config: Config = None, data: Data = None) -> None:
    """Add a user, or give one a new password."""
    from collector.errors import UserError

    users = _users(config, data)
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    try:
        new = users.add(name, password)
    except UserError as error:
        _fail(error)
    typer.echo(f"user {name} {'added' if new else 'has a new password'} in {users.path}")


@user.command("list")
def list_users(config: Config = None, data: Data = None) -> None:
    """The users, one a line."""
    from collector.errors import UserError

    try:
        names = _users(config, data).names()
    except UserError as error:
        _fail(error)
    for name in names:
        typer.echo(name)


@user.command("remove")
def remove(name: str, config: Config = None, data: Data = None) -> None:
    """Remove a user; sessions of that user end at once."""
    from collector.errors import UserError

    try:
        _users(config, data).remove(name)
    except UserError as error:
        _fail(error)
    typer.echo(f"user {name} removed")

"""`century`: what a person types. Each command is thin; what it does lives where it is named after."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from century.installation import data_folder, reach
from century.process import SpawnError

if TYPE_CHECKING:
    from century.core.settings import Settings
    from century.core.work import Works

ROLES = ("viewer", "operator", "admin")
SCOPES = ("ingest", "read", "configure")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 with a sentence on stderr, or argparse's 2."""
    from century.core.errors import CenturyError
    from century.core.settings import SettingsError

    arguments = parser().parse_args(argv)
    try:
        status: int | None = arguments.run(arguments)
    except (SpawnError, SettingsError, CenturyError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status or 0


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data-dir", type=Path, help="the installation's folder (or MONITORING_DATA_DIR)")
    binding = argparse.ArgumentParser(add_help=False)
    binding.add_argument("--host", default="127.0.0.1")
    binding.add_argument("--port", type=int, default=8000)

    whole = argparse.ArgumentParser(prog="century", description="Self-hosted monitoring.")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int | None], text: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, parents=[common, *parents])
        made.set_defaults(run=run)
        return made

    up_command = command("up", up, "Run everything on this machine.", binding)
    up_command.add_argument("--demo", action="store_true", help="with a small web service to watch")
    command("serve", serve, "Run the server alone, for production.", binding)
    command("worker", work, "Run the worker alone, for production.")
    command("migrate", migrate, "Bring the database to this version.")

    users = commands.add_parser("users", help="People who may sign in.").add_subparsers(required=True, metavar="ACTION")
    create = users.add_parser("create", help="Add a person.", parents=[common])
    create.add_argument("name")
    create.add_argument("email", metavar="MAIL")
    create.add_argument("--role", choices=ROLES, required=True)
    way = create.add_mutually_exclusive_group()
    way.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    way.add_argument("--invite", action="store_true", help="print a one-time sign-in link instead")
    create.set_defaults(run=within("create_user"))
    users_list = users.add_parser("list", help="List people.", parents=[common])
    users_list.set_defaults(run=within("list_users"))
    role = users.add_parser("set-role", help="Give a person another role.", parents=[common])
    role.add_argument("name", metavar="NAME_OR_MAIL")
    role.add_argument("role", choices=ROLES)
    role.set_defaults(run=within("set_role"))
    disable = users.add_parser("disable", help="Shut a person out.", parents=[common])
    disable.add_argument("name", metavar="NAME_OR_MAIL")
    disable.set_defaults(run=within("disable_user"))

    keys = commands.add_parser("keys", help="API keys of programs.").add_subparsers(required=True, metavar="ACTION")
    create = keys.add_parser("create", help="Make a key; its secret is printed once.", parents=[common])
    create.add_argument("name")
    create.add_argument("--scope", choices=SCOPES, action="append", required=True)
    create.add_argument("--expires", type=moment, help="a date (2027-01-31) or a time from now (90d, 12h)")
    create.set_defaults(run=within("create_key"))
    keys_list = keys.add_parser("list", help="List keys.", parents=[common])
    keys_list.set_defaults(run=within("list_keys"))
    revoke = keys.add_parser("revoke", help="End a key for good.", parents=[common])
    revoke.add_argument("name", metavar="NAME_OR_PREFIX")
    revoke.set_defaults(run=within("revoke_key"))
    return whole


def up(arguments: argparse.Namespace) -> int:
    """Everything on this machine, until Ctrl-C."""
    from century.supervisor import Supervisor

    folder = data_folder(arguments.data_dir, os.environ)
    return Supervisor(folder, arguments.host, arguments.port, demo=arguments.demo, environ=os.environ).run()


def serve(arguments: argparse.Namespace) -> None:
    """The server process of a production installation."""
    from century import serving

    settings = production(arguments)
    serving.run(settings, serving.listen(arguments.host, arguments.port))


def work(arguments: argparse.Namespace) -> None:
    """The worker process of a production installation."""
    from century.worker import run

    run(production(arguments))


def production(arguments: argparse.Namespace) -> Settings:
    """Settings by the environment alone, refusing secrets that are missing, short or well known."""
    from century.core.settings import read_settings

    return read_settings(os.environ, data_dir=data_folder(arguments.data_dir, os.environ), production=True)


def migrate(arguments: argparse.Namespace) -> None:
    """The newest revision, under an advisory lock."""
    from century.core.db import connect
    from century.core.settings import database_url
    from century.migrations import import_tables, newest
    from century.migrations import migrate as run_migrations

    async def bring(url: str) -> None:
        engine = connect(database_url(url), pool_size=2)
        try:
            await run_migrations(engine)
        finally:
            await engine.dispose()

    import_tables()
    with reach(data_folder(arguments.data_dir, os.environ), os.environ) as defaults:
        asyncio.run(bring(from_environment("DATABASE_URL") or defaults["DATABASE_URL"]))
    print(f"The database is at revision {newest()}.")


def from_environment(name: str) -> str | None:
    """A setting of the environment, or of the file that `NAME_FILE` names."""
    path = os.environ.get(f"{name}_FILE")
    return Path(path).read_text().strip() if path else os.environ.get(name)


def within(name: str) -> Callable[[argparse.Namespace], None]:
    """A command of `commands` as one transaction on its installation; the answer is printed once that has committed."""

    def command(arguments: argparse.Namespace) -> None:
        from century import commands
        from century.core.bus import Bus
        from century.core.clock import SystemClock
        from century.core.db import connect
        from century.core.settings import read_settings
        from century.core.work import Works
        from century.migrations import import_tables

        async def in_work(settings: Settings) -> commands.Answer:
            engine, bus = connect(settings.database_url, pool_size=2), Bus(settings.redis_url)
            works: Works = Works(engine, SystemClock(), bus)
            try:
                async with works.begin() as work:
                    answer: commands.Answer = await getattr(commands, name)(work, settings, arguments)
                return answer
            finally:
                await bus.close()
                await engine.dispose()

        import_tables()
        with reach(data_folder(arguments.data_dir, os.environ), os.environ) as defaults:
            answer = asyncio.run(in_work(read_settings(os.environ, defaults=defaults)))
        if answer.note:
            print(answer.note, file=sys.stderr)
        print(answer.text)

    return command


def moment(text: str) -> datetime | timedelta:
    """`2027-01-31`, an RFC 3339 time, or `90d`, `12h` from now."""
    if found := re.fullmatch(r"(\d{1,5})([dhm])", text):
        unit = {"d": "days", "h": "hours", "m": "minutes"}[found[2]]
        return timedelta(**{unit: int(found[1])})
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is neither a date like 2027-01-31 nor a time like 90d") from None
    return parsed.astimezone() if parsed.tzinfo is None else parsed


if __name__ == "__main__":
    sys.exit(main())

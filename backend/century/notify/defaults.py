"""The channels that an installation begins with, where its environment names them: planted once."""

from __future__ import annotations

from sqlalchemy import insert, select

from century.core import seeds
from century.core.ids import new_id
from century.core.sealing import Seal
from century.core.settings import Settings
from century.core.work import Work
from century.notify.channel import ChannelKind
from century.notify.channels.email import ADMINS
from century.notify.tables import ChannelRow
from century.rules.severity import Severity

SLACK = "Slack"
MAIL = "E-mail to the admins"
TOLD = {
    # As the guide has it: Slack hears what is critical or a warning, e-mail everything.
    SLACK: (Severity.CRITICAL, Severity.WARNING),
    MAIL: tuple(Severity),
}


async def plant(work: Work, settings: Settings) -> None:
    """Make a Slack channel of `SLACK_WEBHOOK_URL`, and an e-mail channel to the admins where mail can be sent."""
    if settings.slack_webhook_url and await seeds.plant(work, "notify.slack"):
        await _make(work, settings, SLACK, ChannelKind.SLACK, {}, {"url": settings.slack_webhook_url})
    if settings.smtp is not None and await seeds.plant(work, "notify.mail"):
        await _make(work, settings, MAIL, ChannelKind.EMAIL, {"to": ADMINS}, {})


async def _make(
    work: Work, settings: Settings, name: str, kind: ChannelKind, plain: dict[str, str], secrets: dict[str, str]
) -> None:
    taken = {row.name for row in await work.rows(select(ChannelRow.name))}
    channel = new_id(work.now)
    free = next(each for each in (name, *(f"{name} {number}" for number in range(2, 1000))) if each not in taken)
    await work.execute(
        insert(ChannelRow).values(
            id=channel,
            name=free,
            kind=kind.value,
            enabled=True,
            severities=[each.value for each in TOLD[name]],
            settings=plain,
            secrets=Seal(settings.secrets).close(channel, secrets),
            failures=0,
            created_at=work.now,
            updated_at=work.now,
        )
    )
    work.record("channel.created", channel, subject_name=free, message=f"Channel '{free}' ({kind.value}) was made")

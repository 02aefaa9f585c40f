"""What an admin sets up, put there without a server."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import insert

from century.core.ids import new_id
from century.core.sealing import Seal
from century.core.settings import Settings
from century.core.work import Work
from century.notify.channel import ChannelKind
from century.notify.channels import webhook
from century.notify.tables import ChannelRow
from century.rules.severity import Severity


async def add_webhook(work: Work, settings: Settings, name: str, url: str) -> UUID:
    """A webhook channel that everybody shares."""
    channel = new_id(work.now)
    await work.execute(
        insert(ChannelRow).values(
            id=channel,
            name=name,
            kind=ChannelKind.WEBHOOK.value,
            enabled=True,
            severities=[each.value for each in Severity],
            settings={"url": url, "secrets": ["secret"]},
            secrets=Seal([settings.secret]).close(channel, {"secret": webhook.new_secret()}),
            failures=0,
            created_at=work.now,
            updated_at=work.now,
        )
    )
    return channel

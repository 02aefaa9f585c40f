"""Changing the key that secrets are sealed with: what the one before it sealed is sealed with the one of today."""

from __future__ import annotations

import logging

from sqlalchemy import select, update

from century.core.sealing import Seal, Unsealable
from century.core.settings import Settings
from century.core.work import Work
from century.notify.tables import ChannelRow

logger = logging.getLogger(__name__)


async def reseal(work: Work, settings: Settings) -> int:
    """Seal anew whatever an earlier secret that is still named sealed; answers how many channels that were."""
    seal = Seal(settings.secrets)
    rows = await work.rows(
        select(ChannelRow.id, ChannelRow.name, ChannelRow.secrets)
        .where(ChannelRow.secrets.is_not(None))
        .order_by(ChannelRow.id)
        .with_for_update()
    )
    done = 0
    for row in rows:
        if seal.is_current(row.secrets):
            continue
        try:
            secrets = seal.open(row.id, row.secrets)
        except Unsealable as error:
            # Sending says so too; here nobody else is kept from being sealed anew.
            logger.warning("the secrets of channel '%s' stay as they are: %s", row.name, error)
            continue
        await work.execute(
            update(ChannelRow).where(ChannelRow.id == row.id).values(secrets=seal.close(row.id, secrets))
        )
        said = f"The secrets of channel '{row.name}' were sealed with the secret of today"
        work.record("channel.resealed", row.id, subject_name=row.name, message=said)
        done += 1
    return done

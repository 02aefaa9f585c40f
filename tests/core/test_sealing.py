"""Secrets at rest open only for their row, their purpose, and by a known key."""

from __future__ import annotations

from uuid import UUID

import pytest

from century.core.sealing import CHANNELS, PROBES, Seal, Unsealable

ROW, OTHER = UUID(int=1), UUID(int=2)
TODAY, BEFORE = "today" * 10, "before" * 10
SAID = {"password": "correct horse"}


def test_what_is_sealed_opens_with_the_secret_of_today_and_the_one_before() -> None:
    box = Seal([BEFORE], PROBES).close(ROW, SAID)
    assert Seal([TODAY, BEFORE], PROBES).open(ROW, box) == SAID
    assert not Seal([TODAY, BEFORE], PROBES).is_current(box)
    assert b"horse" not in (box or b"")


@pytest.mark.parametrize(
    ("keys", "purpose", "row", "sentence"),
    [
        ([TODAY], PROBES, OTHER, "the probe's secrets do not belong to it"),
        ([TODAY], CHANNELS, ROW, "the channel's secrets were sealed with another MONITORING_SECRET"),
        ([BEFORE], PROBES, ROW, "the probe's secrets were sealed with another MONITORING_SECRET"),
    ],
)
def test_for_another_row_purpose_or_key_it_stays_shut(
    keys: list[str], purpose: tuple[bytes, bytes], row: UUID, sentence: str
) -> None:
    box = Seal([TODAY], PROBES).close(ROW, SAID)
    with pytest.raises(Unsealable, match=sentence):
        Seal(keys, purpose).open(row, box)

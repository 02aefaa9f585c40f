"""The status page as the schema gives it, over the running server."""

from __future__ import annotations

from typing import Any

from tests.access.conftest import House, Site, house, site

__all__ = ["house", "site"]

PAGE = (
    "published title text url level groups { name items { id kind source name level uptime badgeUrl days { at uptime down } } } \
announcements { id title level endsAt createdBy { name } } incidents(days: 30) { name startedAt endedAt text }"
)
SHOWN = f"{{ statusPage {{ {PAGE} }} }}"
SAVE = f"mutation($input: SaveStatusPageInput!) {{ saveStatusPage(input: $input) {{ statusPage {{ {PAGE} }} warnings {{ field message }} }} }}"
ANNOUNCE = "mutation($input: SaveAnnouncementInput!) { saveAnnouncement(input: $input) { announcement { id title startsAt } } }"
TAKE_BACK = "mutation($id: ID!) { deleteAnnouncement(input: {id: $id}) { id } }"
BEAT = 'mutation { saveHeartbeat(input: {name: "nightly", period: "P1D"}) { heartbeat { id pingUrl } } }'


async def test_it_is_chosen_published_seen_and_announced_on(site: Site, house: House) -> None:
    admin, operator, viewer = [await house.bearer(name) for name in ("admin", "operator", "viewer")]
    before = (await site.data(viewer, SHOWN))["statusPage"]
    assert (before["published"], before["title"], before["groups"]) == (False, "Status", [])
    beat = (await site.data(admin, BEAT))["saveHeartbeat"]["heartbeat"]
    shown = {"kind": "HEARTBEAT", "source": beat["id"], "name": " Orders "}
    asked: dict[str, Any] = {"published": True, "title": "Shop", "groups": [{"name": "", "items": [shown]}]}
    saved = (await site.data(admin, SAVE, input=asked))["saveStatusPage"]
    assert saved["warnings"] == []
    (item,) = saved["statusPage"]["groups"][0]["items"]
    assert (item["name"], item["level"], item["uptime"]) == ("Orders", "UNKNOWN", None)
    assert item["badgeUrl"] == f"{house.world.settings.public_url}/status/badge/orders.svg"
    assert len(item["days"]["at"]) == len(item["days"]["uptime"]) == 90
    assert (await site.http.get("/status")).status_code == 200
    await site.http.post(beat["pingUrl"].removeprefix(house.world.settings.public_url))
    made = (await site.data(operator, ANNOUNCE, input={"title": "We move", "level": "MAINTENANCE"}))["saveAnnouncement"]
    # What was changed here is shown at once.
    assert "We move" in (await site.http.get("/status")).text
    page = (await site.data(viewer, SHOWN))["statusPage"]
    assert (page["level"], page["announcements"][0]["createdBy"]["name"]) == ("MAINTENANCE", "operator")
    assert page["groups"][0]["items"][0]["level"] == "OPERATIONAL"
    await site.data(operator, TAKE_BACK, id=made["announcement"]["id"])
    assert "We move" not in (await site.http.get("/status")).text
    hidden = (await site.data(admin, SAVE, input={**asked, "published": False}))["saveStatusPage"]["statusPage"]
    assert hidden["published"] is False
    assert (await site.http.get("/status")).status_code == 404


async def test_what_cannot_be_taken_names_its_field(site: Site, house: House) -> None:
    admin = await house.bearer("admin")
    shown = {"kind": "PROBE", "source": "nothing", "name": "Shop"}
    asked = {"published": True, "title": "Shop", "groups": [{"name": "", "items": [shown]}]}
    (error,) = (await site.ask(admin, SAVE, input=asked))["errors"]
    assert error["extensions"]["fields"] == [
        {"field": "groups.0.items.0.source", "message": "no probe 'nothing' is known"}
    ]

"""The status page in the schema."""

from datetime import datetime

import strawberry

from century.access.graphql.types import Person
from century.core.actor import Permission
from century.core.errors import Invalid
from century.core.graphql import DeletedPayload, IdInput, Info, Notice, field, mutation
from century.core.graphql.ids import id_of, notices
from century.core.graphql.scalars import Instants, Numbers
from century.overview import announcements, status_items
from century.overview.status import SHOWN_DAYS, Snapshot, StatusKind, StatusLevel
from century.overview.status import Announcement as TheAnnouncement
from century.overview.status import StatusIncident as TheIncident
from century.overview.status import StatusItem as TheItem
from century.overview.status_draft import AnnouncementDraft, GroupDraft, ItemDraft, PageDraft
from century.overview.status_page import StatusPages
from century.probes.uptime import Days
from century.rules.graphql.types import person

strawberry.enum(StatusKind, description="What the status page can show.")
strawberry.enum(StatusLevel, description="How one shown thing, or all of them, stands.")


@strawberry.type(
    description="A column a day: the share of the time that it was up (NaN: nothing is known), and the seconds that it "
    "was down."
)
class StatusDays:
    at: Instants
    uptime: Numbers
    down: Numbers

    @classmethod
    def of(cls, days: Days) -> "StatusDays":
        return cls(at=Instants(days.at), uptime=Numbers(days.uptime), down=Numbers(days.down))


@strawberry.type
class StatusItem:
    id: strawberry.ID
    kind: StatusKind
    source: str = strawberry.field(description="The id of the probe or heartbeat, the name of the service.")
    name: str
    level: StatusLevel
    since: datetime | None
    uptime: float | None = strawberry.field(description="Of the last 90 days.")
    days: StatusDays
    badge_url: str

    @classmethod
    def of(cls, shown: TheItem, public_url: str) -> "StatusItem":
        return cls(
            id=strawberry.ID(str(shown.id)), kind=shown.kind, source=shown.source, name=shown.name, level=shown.level,
            since=shown.since, uptime=shown.uptime, days=StatusDays.of(shown.days),
            badge_url=f"{public_url}/status/badge/{shown.slug}.svg",
        )  # fmt: skip


@strawberry.type
class StatusGroup:
    name: str
    items: list[StatusItem]


@strawberry.type
class StatusIncident:
    name: str
    level: StatusLevel
    started_at: datetime
    ended_at: datetime | None
    text: str

    @classmethod
    def of(cls, told: TheIncident) -> "StatusIncident":
        return cls(
            name=told.name, level=told.level, started_at=told.started_at, ended_at=told.ended_at, text=told.text
        )  # fmt: skip


@strawberry.type
class Announcement:
    id: strawberry.ID
    title: str
    text: str
    level: StatusLevel
    starts_at: datetime
    ends_at: datetime | None
    created_by: Person | None
    updated_at: datetime

    @classmethod
    def of(cls, said: TheAnnouncement) -> "Announcement":
        return cls(
            id=strawberry.ID(str(said.id)), title=said.title, text=said.text, level=said.level,
            starts_at=said.starts_at, ends_at=said.ends_at,
            created_by=person(said.created_by_id, said.created_by_name), updated_at=said.updated_at,
        )  # fmt: skip


@strawberry.type(description="What `/status` shows to people without an account, while it is `published`.")
class StatusPage:
    shown: strawberry.Private[Snapshot]
    published: bool
    title: str
    text: str
    url: str
    level: StatusLevel
    groups: list[StatusGroup]
    announcements: list[Announcement]

    @field(description="What went wrong, the newest first; no more than the last 90 days.")
    def incidents(self, days: int = 14) -> list[StatusIncident]:
        if not 1 <= days <= SHOWN_DAYS:
            raise Invalid(f"days must lie between 1 and {SHOWN_DAYS}", field="days")
        return [StatusIncident.of(each) for each in self.shown.since(days)]

    @classmethod
    def of(cls, shown: Snapshot, public_url: str) -> "StatusPage":
        return cls(
            shown=shown, published=shown.published, title=shown.title, text=shown.text, url=f"{public_url}/status",
            level=shown.level,
            groups=[
                StatusGroup(name=group.name, items=[StatusItem.of(each, public_url) for each in group.items])
                for group in shown.groups
            ],
            announcements=[Announcement.of(each) for each in shown.announcements],
        )  # fmt: skip


@strawberry.input(description="`name` is what people read there.")
class StatusItemInput:
    kind: StatusKind
    source: str
    name: str


@strawberry.input
class StatusGroupInput:
    name: str
    items: list[StatusItemInput]

    def draft(self) -> GroupDraft:
        return GroupDraft(
            self.name.strip(), tuple(ItemDraft(each.kind, each.source, each.name.strip()) for each in self.items)
        )


@strawberry.input
class SaveStatusPageInput:
    published: bool
    title: str
    groups: list[StatusGroupInput]
    text: str = ""

    def draft(self) -> PageDraft:
        return PageDraft(
            self.published, self.title.strip(), self.text.strip(), tuple(each.draft() for each in self.groups)
        )


@strawberry.type
class SaveStatusPagePayload:
    status_page: StatusPage
    warnings: list[Notice]


@strawberry.input
class SaveAnnouncementInput:
    title: str
    id: strawberry.ID | None = None
    text: str = ""
    level: StatusLevel = StatusLevel.DEGRADED
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def draft(self) -> AnnouncementDraft:
        return AnnouncementDraft(
            self.title.strip(), self.text.strip(), self.level, self.starts_at, self.ends_at,
            id_of(self.id) if self.id is not None else None,
        )  # fmt: skip


@strawberry.type
class AnnouncementPayload:
    announcement: Announcement


def _pages(info: Info) -> StatusPages:
    pages: StatusPages = info.context.app.status
    return pages


async def _page(info: Info) -> StatusPage:
    return StatusPage.of(await _pages(info).fresh(), info.context.settings.public_url)


@strawberry.type
class Query:
    @field(requires=Permission.READ, description="The status page as it is now, published or not.")
    async def status_page(self, info: Info) -> StatusPage:
        return await _page(info)


@strawberry.type
class Mutation:
    @mutation(
        requires=Permission.CONFIGURE, description="Choose what the status page shows, and whether anybody sees it."
    )
    async def save_status_page(self, info: Info, input: SaveStatusPageInput) -> SaveStatusPagePayload:
        async with info.context.works.begin(info.context.actor) as work:
            work.afterwards(_pages(info).forget)
            warnings = await status_items.save(work, input.draft())
        return SaveStatusPagePayload(status_page=await _page(info), warnings=notices(warnings))

    @mutation(
        requires=Permission.OPERATE,
        description="Announce something on the status page, or change what was announced.",
    )
    async def save_announcement(self, info: Info, input: SaveAnnouncementInput) -> AnnouncementPayload:
        async with info.context.works.begin(info.context.actor) as work:
            work.afterwards(_pages(info).forget)
            return AnnouncementPayload(announcement=Announcement.of(await announcements.save(work, input.draft())))

    @mutation(requires=Permission.OPERATE, description="Take an announcement back.")
    async def delete_announcement(self, info: Info, input: IdInput) -> DeletedPayload:
        async with info.context.works.begin(info.context.actor) as work:
            work.afterwards(_pages(info).forget)
            await announcements.remove(work, id_of(input.id))
        return DeletedPayload(id=input.id)

"""The door: who gets in, who is shut out and how soon, and that guessing leads nowhere."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from century.access import attempts, keys, password, people, token
from century.access.attempts import Caller
from century.access.credentials import Remembered
from century.access.service import Access
from century.access.tables import ApiKeyRow, PersonRow, SessionRow, SignInAttemptRow
from century.core.actor import Actor, ActorKind, Permission, Role, Scope
from century.core.db import connect
from century.core.errors import Conflict, Forbidden, Invalid, RateLimited, Unauthenticated, Unavailable
from century.core.work import Works
from tests.access.conftest import DESK, PASSWORD, House

ELSEWHERE = Caller(address="198.51.100.7", device="e" * 32)


def link_token(url: str | None) -> str:
    assert url is not None
    return url.partition("#token=")[2]


async def make_key(house: House, *scopes: Scope, **lasting: float) -> tuple[keys.ApiKey, str]:
    async with house.world.works.begin() as work:
        expires_at = work.now + timedelta(**lasting) if lasting else None
        return await keys.create_key(work, house.world.settings, "pipeline", scopes, expires_at)


async def test_a_person_signs_in_by_name_or_email(house: House) -> None:
    for name in ("operator", "OPERATOR@example.com"):
        grant = await house.access.login(name, PASSWORD, DESK)
        assert grant.role is Role.OPERATOR
        assert grant.expires_in == timedelta(minutes=10)
        actor = await house.access.authenticate(f"Bearer {grant.access_token}", "192.0.2.10")
        assert (actor.id, actor.kind, actor.role) == (house.operator.id, ActorKind.PERSON, Role.OPERATOR)
        assert actor.permissions == {Permission.READ, Permission.OPERATE}
        assert (actor.address, actor.email) == ("192.0.2.10", "operator@example.com")
        assert actor.expires_at == house.world.clock.now() + timedelta(minutes=10)
    async with house.world.works.read() as work:
        assert (await people.get_person(work, house.operator.id)).last_login_at == work.now


async def test_what_the_secret_before_made_holds_while_that_is_named(house: House) -> None:
    before = house.world.settings
    changed = replace(before, secret="the secret of today", previous_secret=before.secret)
    during, after = Access(changed, house.world.works), Access(replace(changed, previous_secret=""), house.world.works)
    used, unused = (await make_key(house, Scope.READ))[1], (await make_key(house, Scope.READ))[1]
    grant = await house.access.login("operator", PASSWORD, DESK)
    async with house.world.works.begin() as work:
        url = (await people.invite(work, before, house.viewer.id)).sign_in_url
    assert (await during.authenticate(f"Bearer {used}", None)).kind is ActorKind.KEY
    renewed = await during.refresh(grant.refresh_token, DESK)
    assert (await during.use_link(link_token(url), DESK)).role is Role.VIEWER
    # What was used meanwhile holds by the secret of today alone.
    assert (await after.authenticate(f"Bearer {used}", None)).kind is ActorKind.KEY
    assert (await after.refresh(renewed.refresh_token, DESK)).role is Role.OPERATOR
    for refused in (after.authenticate(f"Bearer {unused}", None), after.refresh(grant.refresh_token, DESK)):
        with pytest.raises(Unauthenticated):
            await refused


@pytest.mark.parametrize(
    "name", ["operator", "nobody", "", "nobody@example.com", "a\0b", "x" * 5000, "'; DROP TABLE person; --"]
)
async def test_a_wrong_password_and_an_unknown_name_are_told_the_same(house: House, name: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await house.access.login(name, "not the password", DESK)
    assert refused.value.message == "the name or the password is wrong"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic YTpi", "x", "Bearer x", "Bearer cpt_monitor_x", "Bearer null",
     f"Bearer cpt_monitor_{'a' * 12}_{'b' * 43}"],
)  # fmt: skip
async def test_without_credentials_nobody_is_anybody(house: House, authorization: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await house.access.authenticate(authorization, None)


async def test_an_access_token_ends_after_ten_minutes_and_is_refreshed(house: House) -> None:
    grant = await house.access.login("viewer", PASSWORD, DESK)
    house.world.advance(minutes=10)
    with pytest.raises(Unauthenticated, match="expired"):
        await house.access.authenticate(f"Bearer {grant.access_token}", None)
    renewed = await house.access.refresh(grant.refresh_token, DESK)
    assert (await house.access.authenticate(f"Bearer {renewed.access_token}", None)).name == "viewer"
    assert renewed.refresh_token != grant.refresh_token


async def test_a_token_of_another_persons_session_is_nobodys(house: House) -> None:
    grant = await house.access.login("viewer", PASSWORD, DESK)
    now = house.world.clock.now()
    session = token.read(house.world.settings.jwt_secret, grant.access_token, now).session
    forged, _ = token.issue(
        house.world.settings.jwt_secret, person=house.admin.id, session=session, role=Role.ADMIN, now=now
    )
    with pytest.raises(Unauthenticated):
        await house.access.authenticate(f"Bearer {forged}", None)


async def test_a_role_in_a_token_is_not_believed(house: House) -> None:
    grant = await house.access.login("viewer", PASSWORD, DESK)
    now = house.world.clock.now()
    claims = token.read(house.world.settings.jwt_secret, grant.access_token, now)
    raised, _ = token.issue(
        house.world.settings.jwt_secret, person=claims.person, session=claims.session, role=Role.ADMIN, now=now
    )
    assert (await house.access.authenticate(f"Bearer {raised}", None)).role is Role.VIEWER


async def test_a_refresh_token_that_turns_up_again_ends_its_family(house: House) -> None:
    first = (await house.access.login("viewer", PASSWORD, DESK)).refresh_token
    second = (await house.access.refresh(first, DESK)).refresh_token
    house.world.advance(seconds=11)
    with pytest.raises(Unauthenticated):
        await house.access.refresh(first, ELSEWHERE)
    with pytest.raises(Unauthenticated):
        await house.access.refresh(second, DESK)
    async with house.world.works.read() as work:
        found = await work.rows(text("SELECT outcome, details FROM journal WHERE kind = 'session.revoked'"))
    assert [tuple(row) for row in found] == [("denied", {"because": "replay"})]


async def test_two_tabs_that_refresh_at_once_are_answered_alike(house: House) -> None:
    first = (await house.access.login("viewer", PASSWORD, DESK)).refresh_token
    answers = await asyncio.gather(*(house.access.refresh(first, DESK) for _ in range(5)))
    (second,) = {answer.refresh_token for answer in answers}
    house.world.advance(minutes=5)
    await house.access.refresh(second, DESK)


async def test_a_session_ends_by_logging_out_idling_and_in_the_end(house: House) -> None:
    out = await house.access.login("viewer", PASSWORD, DESK)
    await house.access.logout(out.refresh_token, DESK)
    await house.access.logout(out.refresh_token, DESK)
    await house.access.logout("rubbish", DESK)
    with pytest.raises(Unauthenticated):
        await house.access.authenticate(f"Bearer {out.access_token}", None)
    with pytest.raises(Unauthenticated):
        await house.access.refresh(out.refresh_token, DESK)
    idle = (await house.access.login("viewer", PASSWORD, DESK)).refresh_token
    for _ in range(3):
        house.world.advance(days=29)
        idle = (await house.access.refresh(idle, DESK)).refresh_token
    house.world.advance(days=4)
    with pytest.raises(Unauthenticated):
        await house.access.refresh(idle, DESK)


async def test_a_link_signs_in_once_within_a_day(house: House) -> None:
    async with house.world.works.begin() as work:
        made = await people.invite(work, house.world.settings, house.viewer.id)
        later = await people.invite(work, house.world.settings, house.viewer.id)
    with pytest.raises(Unauthenticated):
        await house.access.use_link(link_token(made.sign_in_url), DESK)
    answers = await asyncio.gather(
        *(house.access.use_link(link_token(later.sign_in_url), DESK) for _ in range(4)), return_exceptions=True
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    async with house.world.works.begin() as work:
        over = await people.invite(work, house.world.settings, house.viewer.id)
    house.world.advance(hours=24)
    with pytest.raises(Unauthenticated):
        await house.access.use_link(link_token(over.sign_in_url), DESK)


async def test_a_password_is_chosen_after_a_link_and_changed_with_the_old_one(house: House) -> None:
    house.world.advance(minutes=1)
    async with house.world.works.begin() as work:
        url = (await people.invite(work, house.world.settings, house.viewer.id)).sign_in_url
    other = await house.bearer("viewer")
    grant = await house.access.use_link(link_token(url), DESK)
    actor = await house.access.authenticate(f"Bearer {grant.access_token}", "192.0.2.10")
    with pytest.raises(Invalid) as weak:
        await house.access.change_password(actor, None, "password1234")
    assert list(weak.value.fields) == ["new"]
    await house.access.change_password(actor, None, "a lantern under seven bridges")
    with pytest.raises(Unauthenticated):
        await house.access.authenticate(other, None)
    assert (await house.access.authenticate(f"Bearer {grant.access_token}", None)).name == "viewer"
    with pytest.raises(Invalid, match="current"):
        await house.access.change_password(actor, None, "an otter reads the paper")
    with pytest.raises(Invalid, match="wrong"):
        await house.access.change_password(actor, "not the password", "an otter reads the paper")
    await house.access.change_password(actor, "a lantern under seven bridges", "an otter reads the paper")
    await house.access.login("viewer", "an otter reads the paper", DESK)
    with pytest.raises(Unauthenticated):
        await house.access.login("viewer", PASSWORD, DESK)


async def test_of_two_who_change_a_password_at_once_the_later_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = await house.access.authenticate(await house.bearer("viewer"), None)
    owner = await house.access.authenticate(await house.bearer("viewer"), None)
    hash_one = password.HASHING.hash

    async def hash_while_the_owner_does(new: str) -> str:
        monkeypatch.setattr(password.HASHING, "hash", hash_one)
        await house.access.change_password(owner, PASSWORD, "an otter reads the paper")
        return await hash_one(new)

    monkeypatch.setattr(password.HASHING, "hash", hash_while_the_owner_does)
    with pytest.raises(Conflict):
        await house.access.change_password(thief, PASSWORD, "a lantern under seven bridges")
    assert await house.access.login("viewer", "an otter reads the paper", DESK)


async def test_who_signed_in_by_password_must_know_it_to_change_it(house: House) -> None:
    actor = await house.access.authenticate(await house.bearer("viewer"), None)
    with pytest.raises(Invalid, match="current"):
        await house.access.change_password(actor, None, "a lantern under seven bridges")
    for _ in range(5):
        with pytest.raises(Invalid, match="wrong"):
            await house.access.change_password(actor, "guess", "a lantern under seven bridges")
    with pytest.raises(RateLimited):
        await house.access.change_password(actor, PASSWORD, "a lantern under seven bridges")


async def test_a_key_has_its_scopes_and_no_password(house: House) -> None:
    key, secret = await make_key(house, Scope.INGEST, Scope.READ)
    actor = await house.access.authenticate(f"bearer {secret}", "203.0.113.5")
    assert (actor.id, actor.kind, actor.role, actor.name) == (key.id, ActorKind.KEY, Role.SYSTEM, "pipeline")
    assert actor.permissions == {Permission.INGEST, Permission.READ}
    assert secret not in str(key)
    with pytest.raises(Forbidden):
        await house.access.change_password(actor, None, "a lantern under seven bridges")
    async with house.world.works.read() as work:
        stored = (await work.rows(select(ApiKeyRow)))[0]
        assert secret.encode() not in stored.hash
    for wrong in (secret[:-1] + ("a" if secret[-1] != "a" else "b"), key.prefix, secret + "x"):
        with pytest.raises(Unauthenticated):
            await house.access.authenticate(f"Bearer {wrong}", None)


async def test_a_keys_last_use_is_noted_once_a_minute_and_only_for_the_right_key(house: House) -> None:
    key, secret = await make_key(house, Scope.READ)

    async def last_used() -> object:
        async with house.world.works.read() as work:
            return (await keys.get_key(work, key.id)).last_used_at

    with pytest.raises(Unauthenticated):
        await house.access.authenticate(f"Bearer {secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}", None)
    assert await last_used() is None
    began = house.world.clock.now()
    await asyncio.gather(*(house.access.authenticate(f"Bearer {secret}", None) for _ in range(10)))
    assert await last_used() == began
    house.world.advance(seconds=59)
    house.access.forget()
    await house.access.authenticate(f"Bearer {secret}", None)
    assert await last_used() == began
    house.world.advance(seconds=1)
    await house.access.authenticate(f"Bearer {secret}", None)
    assert await last_used() == house.world.clock.now()


async def test_a_key_ends_when_it_expires_and_when_it_is_revoked(house: House) -> None:
    _, secret = await make_key(house, Scope.READ, hours=1)
    key, lasting = await make_key(house, Scope.READ)
    await house.access.authenticate(f"Bearer {secret}", None)
    house.world.advance(hours=1)
    with pytest.raises(Unauthenticated, match="expired"):
        await house.access.authenticate(f"Bearer {secret}", None)
    async with house.world.works.begin() as work:
        assert (await keys.revoke_key(work, key.id)).revoked_at == work.now
    house.access.forget()
    with pytest.raises(Unauthenticated):
        await house.access.authenticate(f"Bearer {lasting}", None)


async def test_what_another_process_changed_is_known_within_a_second(house: House) -> None:
    """Two doors on one database: the one that did not make the change learns of it from the database."""
    other = Access(house.world.settings, house.world.works)
    key, secret = await make_key(house, Scope.READ)
    bearer = await house.bearer("operator")
    await other.authenticate(f"Bearer {secret}", None)
    await other.authenticate(bearer, None)
    loop = asyncio.get_running_loop()
    changed = loop.time()
    async with house.world.works.begin() as work:
        await keys.revoke_key(work, key.id)
        await people.set_role(work, house.operator.id, Role.VIEWER)

    async def until_known() -> float:
        while True:
            try:
                await other.authenticate(f"Bearer {secret}", None)
            except Unauthenticated:
                if (await other.authenticate(bearer, None)).role is Role.VIEWER:
                    return loop.time() - changed
            await asyncio.sleep(0.02)

    assert await asyncio.wait_for(until_known(), 5) <= 1.0


async def test_many_requests_ask_the_database_once() -> None:
    asked: list[str] = []

    async def ask(key: str) -> str:
        asked.append(key)
        await asyncio.sleep(0)
        return key.upper()

    remembered = Remembered(ask, 60)
    assert await asyncio.gather(*(remembered.get("a") for _ in range(100))) == ["A"] * 100
    assert asked == ["a"]
    remembered.forget("a")
    await remembered.get("a")
    assert asked == ["a", "a"]


async def test_an_answer_that_failed_is_asked_for_again() -> None:
    answers = [RuntimeError("the database is away"), None]

    async def ask(key: str) -> str:
        if failure := answers.pop(0):
            raise failure
        return key

    remembered = Remembered(ask, 60)
    with pytest.raises(RuntimeError):
        await remembered.get("a")
    assert await remembered.get("a") == "a"


async def test_open_sockets_are_told_apart_in_one_query(house: House) -> None:
    stays = await house.access.authenticate(await house.bearer("admin"), None)
    lowered = await house.access.authenticate(await house.bearer("operator"), None)
    grant = await house.access.login("viewer", PASSWORD, DESK)
    gone = await house.access.authenticate(f"Bearer {grant.access_token}", None)
    _, secret = await make_key(house, Scope.READ)
    by_key = await house.access.authenticate(f"Bearer {secret}", None)
    revoked, other = await make_key(house, Scope.READ)
    by_other = await house.access.authenticate(f"Bearer {other}", None)
    actors = [stays, lowered, gone, by_key, by_other]
    assert await house.access.still_valid(actors) == {actor.credential for actor in actors}
    async with house.world.works.begin() as work:
        await people.set_role(work, house.operator.id, Role.VIEWER)
        await keys.revoke_key(work, revoked.id)
    await house.access.logout(grant.refresh_token, DESK)
    assert await house.access.still_valid(actors) == {stays.credential, by_key.credential}
    house.world.advance(minutes=10)
    assert await house.access.still_valid(actors) == {by_key.credential}
    assert await house.access.still_valid([]) == set()


async def test_a_second_socket_with_the_new_role_does_not_cover_one_with_the_old(house: House) -> None:
    token = await house.bearer("operator")
    before = await house.access.authenticate(token, None)
    async with house.world.works.begin() as work:
        await people.set_role(work, house.operator.id, Role.VIEWER)
    house.access.forget()
    after = await house.access.authenticate(token, None)
    assert (before.role, after.role) == (Role.OPERATOR, Role.VIEWER)
    for actors in ([before, after], [after, before]):
        assert await house.access.still_valid(actors) == set()
    assert await house.access.still_valid([after]) == {after.credential}


async def test_a_disabled_person_is_out_at_once_and_their_links_with_them(house: House) -> None:
    bearer = await house.bearer("viewer")
    async with house.world.works.begin() as work:
        url = (await people.invite(work, house.world.settings, house.viewer.id)).sign_in_url
        await people.disable(work, house.viewer.id)
    house.access.forget()
    for attempt in (
        house.access.authenticate(bearer, None),
        house.access.login("viewer", PASSWORD, DESK),
        house.access.use_link(link_token(url), DESK),
    ):
        with pytest.raises(Unauthenticated):
            await attempt
    async with house.world.works.begin() as work:
        await people.enable(work, house.viewer.id)
    await house.access.login("viewer", PASSWORD, DESK)
    with pytest.raises(Unauthenticated):
        await house.access.authenticate(bearer, None)


async def guess(house: House, caller: Caller, name: str = "operator") -> str:
    try:
        await house.access.login(name, "a wrong guess", caller)
    except RateLimited as refused:
        assert refused.retry_after >= 1
        return "wait"
    except Unauthenticated:
        return "wrong"
    return "in"


@pytest.mark.parametrize("name", ["operator", "nobody"])
async def test_guessing_slows_down_alike_for_names_that_exist_and_those_that_do_not(house: House, name: str) -> None:
    callers = [Caller(address=f"203.0.113.{number}") for number in range(8)]
    assert [await guess(house, caller, name) for caller in callers] == ["wrong"] * 5 + ["wait"] * 3


async def test_a_name_and_its_email_are_one_account(house: House) -> None:
    names = ["operator", "operator@example.com"] * 3
    answers = [await guess(house, Caller(address=f"203.0.113.{n}"), name) for n, name in enumerate(names)]
    assert answers == ["wrong"] * 5 + ["wait"]


async def test_a_thousand_guesses_at_once_are_counted_before_any_is_looked_at(house: House) -> None:
    callers = [Caller(address=f"203.0.113.{number}") for number in range(20)]
    answers = await asyncio.gather(*(guess(house, caller) for caller in callers))
    assert sorted(answers) == ["wait"] * 15 + ["wrong"] * 5


async def test_one_address_cannot_try_every_account(house: House) -> None:
    caller = Caller(address="203.0.113.9")
    answers = [await guess(house, caller, f"nobody-{number}") for number in range(21)]
    assert answers == ["wrong"] * 20 + ["wait"]


async def test_the_person_on_call_gets_in_while_their_account_is_under_attack(house: House) -> None:
    await house.access.login("operator", PASSWORD, DESK)
    for number in range(9):
        await guess(house, Caller(address=f"203.0.113.{number}"))
    at_the_same_desk = replace(DESK, device=None)
    on_the_train = replace(DESK, address="198.51.100.99")
    for caller in (DESK, at_the_same_desk, on_the_train):
        assert (await house.access.login("operator", PASSWORD, caller)).role is Role.OPERATOR
    assert await guess(house, ELSEWHERE) == "wait"
    # A place that one account knows is no open door to another.
    for number in range(9):
        await guess(house, Caller(address=f"203.0.113.{number}"), "admin")
    assert await guess(house, DESK, "admin") == "wait"


async def test_refused_tries_are_in_the_log_without_what_was_typed(house: House) -> None:
    await guess(house, DESK)
    await guess(house, DESK, "my password by mistake")
    async with house.world.works.read() as work:
        rows = await work.rows(text("SELECT * FROM journal WHERE kind = 'sign_in.refused' ORDER BY number"))
    assert [(row.subject_id, row.subject, row.address, row.outcome) for row in rows] == [
        (house.operator.id, "", DESK.address, "denied"),
        (None, "", DESK.address, "denied"),
    ]
    assert "by mistake" not in str(rows)


async def test_nothing_that_opens_a_door_is_stored_as_it_is(house: House) -> None:
    _, secret = await make_key(house, Scope.READ)
    grant = await house.access.login("viewer", PASSWORD, DESK)
    async with house.world.works.begin() as work:
        url = (await people.invite(work, house.world.settings, house.viewer.id)).sign_in_url
    async with house.world.works.read() as work:
        stored = ""
        for table in ("person", "session", "api_key", "sign_in_link", "sign_in_attempt", "journal"):
            stored += "".join(str(row[0]) for row in await work.rows(text(f"SELECT t::text FROM {table} t")))
    for opener in (secret[-43:], PASSWORD, grant.refresh_token, grant.access_token, link_token(url), "d" * 32):
        assert opener not in stored


async def test_a_password_kept_with_weaker_parameters_is_kept_anew(house: House) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    async with house.world.works.begin() as work:
        await work.execute(text("UPDATE person SET password = :weak WHERE name = 'viewer'"), {"weak": weak})
    await house.access.login("viewer", PASSWORD, DESK)
    async with house.world.works.read() as work:
        row = await work.one_or_none(select(PersonRow.password).where(PersonRow.name == "viewer"))
    assert row is not None
    assert "m=19456,t=2" in row.password
    await house.access.login("viewer", PASSWORD, DESK)


async def test_one_sees_and_ends_only_ones_own_sessions(house: House) -> None:
    from century.access import sessions

    async def actor(name: str) -> Actor:
        return await house.access.authenticate(await house.bearer(name), None)

    mine, also_mine, other = await actor("viewer"), await actor("viewer"), await actor("operator")
    async with house.world.works.read() as work:
        seen = await sessions.list_sessions(work, mine)
    assert {(each.id, each.current) for each in seen} == {(mine.credential, True), (also_mine.credential, False)}
    assert isinstance(other.credential, UUID)
    assert isinstance(also_mine.credential, UUID)
    from century.core.errors import NotFound

    with pytest.raises(NotFound):
        async with house.world.works.begin(mine) as work:
            await sessions.revoke_session(work, other.credential)
    async with house.world.works.begin(mine) as work:
        await sessions.revoke_session(work, also_mine.credential)
    assert await house.access.still_valid([mine, also_mine, other]) == {mine.credential, other.credential}


async def test_what_opens_no_door_any_more_is_removed(house: House) -> None:
    from century.access.jobs import forget_expired

    await house.access.login("viewer", PASSWORD, DESK)
    await guess(house, ELSEWHERE)
    async with house.world.works.begin() as work:
        await people.invite(work, house.world.settings, house.viewer.id)
    assert await forget_expired(house.world.works) == 0
    house.world.advance(hours=25)
    assert await forget_expired(house.world.works) == 2
    house.world.advance(days=89)
    assert await forget_expired(house.world.works) == 2
    async with house.world.works.read() as work:
        for table in (SessionRow, SignInAttemptRow):
            assert await work.rows(select(func.count()).select_from(table)) == [(0,)]


async def test_a_device_is_known_by_its_hash(house: House) -> None:
    assert attempts.device_hash("secret", Caller()) is None
    assert attempts.device_hash("secret", DESK) != attempts.device_hash("other", DESK)


async def test_a_database_that_restarted_is_not_noticed_and_one_that_is_away_is_told(house: House) -> None:
    bearer, (_, secret) = await house.bearer("viewer"), await make_key(house, Scope.READ)
    for credential in (bearer, f"Bearer {secret}"):
        async with house.world.works.read() as work:
            mine = await work.rows(text("SELECT pg_backend_pid()"))
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            await work.rows(text(f"{others} AND pid <> :pid"), {"pid": mine[0][0]})
        house.access.forget()
        assert await house.access.authenticate(credential, None)
    engine = connect("postgresql+asyncpg://nobody:nothing@127.0.0.1:1/nowhere")
    away = Access(house.world.settings, Works(engine, house.world.clock, house.world.bus))
    for credential in (bearer, f"Bearer {secret}"):
        with pytest.raises(Unavailable):
            await away.authenticate(credential, None)
    with pytest.raises(Unauthenticated):
        await away.authenticate("Bearer forged", None)
    await engine.dispose()

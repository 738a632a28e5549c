"""Credits of accounts on a real store: who tells what, what they pay for, exactly, and who is called when they do."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gateway.policy.failover import AccountStep
from gateway.policy.standing import Lesson
from gateway.store.store import Store
from gateway.store.tasks import TaskKind
from gateway.wiring import Gateway, Seams, gateway
from schema.account import AccountState, Limits
from schema.account_event import AccountEventType
from schema.clock import Millis
from schema.errors import FailureKind, InvalidRequest, NotFound
from tests.flows.engine import an_account, settings
from tests.store.rows import a_video, an_attempt, keep
from tests.support.certificates import certificates

START = 1_795_000_000_000
VEO = an_account("veo", "veo3o1", "http://127.0.0.1:1", limits=Limits())


@dataclass
class HandClock:
    """A clock that a test moves."""

    at: Millis = START

    def now(self) -> Millis:
        return self.at


@dataclass
class Here:
    """A gateway at which nobody works."""

    gateway: Gateway
    clock: HandClock

    @property
    def store(self) -> Store:
        return self.gateway.store

    async def state(self) -> AccountState:
        return (await self.store.read(lambda tx: tx.accounts.all()))["veo"]

    async def types(self) -> list[AccountEventType]:
        page = await self.gateway.operators.events(account="veo", limit=100)
        return [one.type for one in reversed(page.events)]

    async def due(self) -> Millis | None:
        return await self.store.read(lambda tx: tx.tasks.next_due((TaskKind.TEND,)))

    async def tell(self, credits: int) -> AccountState:
        await self.gateway.operators.credits("veo", credits, actor="anna", note="seen")
        return await self.state()

    async def refused(self, credits: int | None, *, dry: bool = True) -> None:
        """The upstream refuses, and mentions its balance."""
        kind = FailureKind.OUT_OF_CREDITS if dry else FailureKind.BUSY
        lesson = Lesson(step=AccountStep.DRY if dry else AccountStep.REST, kind=kind, credits=credits)
        await self.store.write(lambda tx: self.gateway.accounts.learn(tx, VEO, lesson, self.clock.now()))

    async def admits(self, needed: int = 0) -> bool:
        now = self.clock.now()
        state = await self.store.write(
            lambda tx: self.gateway.accounts.admits(tx, VEO, now, again=False, needed=needed)
        )
        return state is not None


@pytest.fixture
async def here(tmp_path) -> AsyncIterator[Here]:
    clock = HandClock()
    async with gateway(settings(tmp_path, VEO), Seams(clock=clock, verify=certificates())) as built:
        yield Here(built, clock)


async def test_an_account_is_looked_after_from_the_moment_its_balance_is_known(here):
    before = await here.due()

    await here.tell(100)

    assert (before, await here.due()) == (None, START)


async def test_a_gateway_that_starts_looks_after_those_it_knows(here):
    await here.tell(100)
    await here.store.write(lambda tx: tx.tasks.drop(TaskKind.TEND, "veo"))

    await here.gateway.accounts.prepare([account.id for account, _ in here.gateway.accounts.all()])

    assert await here.due() == START


async def test_a_refusal_tells_the_balance_and_less_than_before_is_no_top_up(here):
    await here.tell(100)

    await here.refused(40)

    state = await here.state()
    assert (state.credits, state.credits_source, state.credits_full) == (40, "provider", 100)
    assert state.resting_reason == "out_of_credits"
    assert AccountEventType.CREDITS_TOPPED_UP not in await here.types()


async def test_a_first_balance_from_a_refusal_is_looked_after(here):
    await here.refused(40)

    assert ((await here.state()).credits, await here.due()) == (40, START)


async def test_an_operator_who_says_that_there_are_credits_ends_a_rest_for_want_of_them(here):
    await here.refused(None)
    resting = await here.state()

    told = await here.tell(10)

    assert resting.resting_reason == "out_of_credits"
    assert (told.resting_reason, told.resting_until) == (None, None)


async def test_an_operator_who_says_that_there_are_none_ends_no_rest(here):
    await here.refused(None)

    assert (await here.tell(0)).resting_reason == "out_of_credits"


async def test_a_rest_for_another_reason_goes_on_whatever_the_balance(here):
    await here.refused(None, dry=False)

    assert (await here.tell(100)).resting_reason == "busy"


@pytest.mark.parametrize("needed", [0, 100, 101])
async def test_an_account_admits_what_its_credits_pay_for(here, needed):
    await here.tell(100)

    assert await here.admits(needed) == (needed <= 100)


async def test_an_account_whose_balance_nobody_knows_admits_anything(here):
    assert await here.admits(10**9)


async def test_what_is_being_sent_is_counted_before_it_is_billed(here):
    await here.tell(3)
    await keep(here.store, a_video("video_1"), an_attempt("att_1", account="veo", credits_high=2))

    assert [await here.admits(needed) for needed in (1, 2)] == [True, False]


async def test_the_account_has_room_for_as_many_as_its_credits_pay_for(here):
    rooms = []
    for credits in (0, 1, 2, 9):
        await here.tell(credits)
        rooms.append([one.room for one in await here.gateway.accounts.everything() if one.account == "veo"])

    assert rooms == [[0], [0], [1], [4]]


async def test_a_paused_account_admits_nothing(here):
    await here.gateway.operators.pause("veo", actor="anna")

    assert not await here.admits()


async def test_acts_of_several_at_once_are_all_kept(here):
    await asyncio.gather(*(here.gateway.operators.pause("veo", actor=f"{n}") for n in range(4)))

    assert await here.types() == [AccountEventType.PAUSED] * 4


@pytest.mark.parametrize("verb", ["pause", "resume", "reset"])
async def test_an_account_that_nobody_has_configured_is_not_found(here, verb):
    with pytest.raises(NotFound):
        await getattr(here.gateway.operators, verb)("nobody", actor="anna")


@pytest.mark.parametrize("credits", [-1, 10**12 + 1])
async def test_a_balance_that_no_account_can_have_is_refused(here, credits):
    with pytest.raises(InvalidRequest):
        await here.tell(credits)


async def test_a_note_that_is_a_letter_is_refused(here):
    with pytest.raises(InvalidRequest):
        await here.gateway.operators.pause("veo", actor="anna", note="x" * 1_001)

"""Receipts: what became of a video, from what is stored alone, signed; the same facts give the same bytes anywhere."""

from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import UNSET

from gateway.policy.receipts import KeySet, Signer
from gateway.store.store import Store, Transaction
from schema.attempt import Attempt
from schema.clock import Millis
from schema.errors import NotFound, NotReady
from schema.ledger import TENANTS_KINDS, Entry, EntryKind, held
from schema.lifecycle import AttemptState
from schema.output import ExtraOutput
from schema.quote import Candidate, Decision
from schema.receipt import (
    Asked,
    Receipt,
    ReceiptAttempt,
    ReceiptCandidate,
    ReceiptFile,
    ReceiptMoney,
    ReceiptOutput,
    Routed,
    Waits,
    waits,
)
from schema.video import Video

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decision = msgspec.json.Decoder(Decision).decode


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything stored about a video that has ended, of one moment."""

    video: Video
    ended_at: Millis
    decision: Decision
    attempts: list[Attempt]
    entries: list[Entry]
    outputs: list[ExtraOutput]


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt; ``document`` is its exact bytes, with the signature by the key ``kid``."""

    receipt: Receipt
    document: bytes
    kid: str


class Receipts:
    """Args: ``issuer`` is the gateway's public address, if it has one."""

    def __init__(self, *, store: Store, signer: Signer, issuer: str | None) -> None:
        self._store = store
        self._signer = signer
        self._issuer = issuer

    @property
    def keys(self) -> KeySet:
        """What others verify receipts with."""
        return self._signer.keys

    async def of(self, tenant: str, id: str) -> Signed:
        """The receipt of one of a tenant's videos, as of now.

        Raises:
            NotFound: the tenant has no such video.
            NotReady: it has not ended.
        """
        facts = await self._store.read(lambda tx: _facts(tx, tenant, id), tenant=tenant, snapshot=True)
        receipt = receipt_of(facts, self._issuer)
        document = self._signer.signed(msgspec.to_builtins(receipt))
        return Signed(receipt=receipt, document=document, kid=self._signer.keys.keys[0].kid)


async def _facts(tx: Transaction, tenant: str, id: str) -> Facts:
    video, decision = await tx.videos.booked(tenant, id), await tx.videos.decision(tenant, id)
    if video is None or decision is None:
        raise NotFound
    if video.completed_at is None:
        raise NotReady(f"The video is {video.status}; its receipt is there once it has ended")
    return Facts(
        video=video,
        ended_at=video.completed_at,
        decision=_decision(decision),
        attempts=await tx.attempts.of_tenant(tenant, [id]),
        entries=await tx.ledger.of_video(tenant, id),
        outputs=await tx.outputs.of_video(tenant, id),
    )


def receipt_of(facts: Facts, issuer: str | None) -> Receipt:
    """What a receipt says of these facts."""
    video = facts.video
    return Receipt(
        issuer=issuer,
        video=video.id,
        tenant=video.tenant,
        revision=video.version,
        reused_from=UNSET if video.reused_from is None else video.reused_from,
        created_at=_written(video.created_at),
        ended_at=_written(facts.ended_at),
        status=video.status,
        error=None if video.error is None else video.error.code,
        asked=_asked(video),
        adjusted=video.adjustments,
        routed=_routed(video, facts.decision),
        attempts=tuple(_attempt(attempt) for attempt in facts.attempts),
        waits=_waits(facts),
        money=_money(video, facts.entries),
        file=_file(video),
        extra_outputs=tuple(_output(output) for output in facts.outputs),
    )


def _asked(video: Video) -> Asked:
    wish = {name: getattr(video.spec, name) for name in video.spec.__struct_fields__}
    if wish["video"] is None:  # a receipt that was signed before there was such a thing keeps its bytes
        del wish["video"]
    return msgspec.convert({**wish, "routing": video.routing}, Asked, from_attributes=True)


def _routed(video: Video, decision: Decision) -> Routed:
    return Routed(
        account=video.account,
        provider=video.provider,
        strategy=decision.strategy,
        decided_at=_written(decision.at),
        candidates=tuple(_candidate(candidate) for candidate in decision.candidates),
    )


def _candidate(candidate: Candidate) -> ReceiptCandidate:
    price = candidate.price
    return ReceiptCandidate(
        account=candidate.account,
        provider=candidate.provider,
        able=candidate.able,
        reasons=tuple(reason.code for reason in candidate.excluded),
        outranked=None if candidate.outranked is None else candidate.outranked.code,
        price_low_micros=None if price is None else price.low,
        price_high_micros=None if price is None else price.high,
    )


def _attempt(attempt: Attempt) -> ReceiptAttempt:
    return ReceiptAttempt(
        n=attempt.n,
        id=attempt.id,
        account=attempt.account,
        provider=attempt.provider,
        verdict=attempt.verdict,
        state=attempt.state,
        ref=attempt.ref,
        started_at=_written(attempt.started_at),
        ended_at=None if attempt.ended_at is None else _written(attempt.ended_at),
        reason=None if attempt.reason is None else attempt.reason.code,
        credits=attempt.credits,
    )


def _waits(facts: Facts) -> Waits:
    late = {output.attempt for output in facts.outputs}
    made = [
        one.ended_at
        for one in facts.attempts
        if one.state is AttemptState.SUCCEEDED and one.ended_at is not None and one.id not in late
    ]
    return waits(
        facts.video.created_at,
        min((one.started_at for one in facts.attempts), default=None),
        facts.video.started_at,
        min(made, default=None),
        facts.ended_at,
    )


def _money(video: Video, entries: list[Entry]) -> ReceiptMoney:
    """What is the tenant's to know; what providers cost the operator is not."""
    account = held(video.tenant)
    return ReceiptMoney(
        quoted_low_micros=video.quoted_low,
        quoted_high_micros=video.quoted_high,
        held_micros=_moved(entries, EntryKind.HOLD, account),
        charged_micros=video.charged,
        released_micros=_moved(entries, EntryKind.RELEASE, account),
        entries=tuple(entry.id for entry in entries if entry.kind in TENANTS_KINDS),
    )


def _moved(entries: list[Entry], kind: EntryKind, account: str) -> int | None:
    """How much entries of a kind moved into an account, or out of it; None when there are none."""
    amounts = [
        posting.amount
        for entry in entries
        if entry.kind is kind
        for posting in entry.postings
        if posting.account == account
    ]
    return abs(sum(amounts)) if amounts else None


def _file(video: Video) -> ReceiptFile | None:
    asset = video.asset
    return None if asset is None else ReceiptFile(sha256=asset.sha256, size=asset.size, media_type=asset.media_type)


def _output(output: ExtraOutput) -> ReceiptOutput:
    asset = output.asset
    return ReceiptOutput(
        attempt=output.attempt,
        at=_written(output.at),
        sha256=asset.sha256,
        size=asset.size,
        media_type=asset.media_type,
    )


def _written(moment: Millis) -> str:
    return (_EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

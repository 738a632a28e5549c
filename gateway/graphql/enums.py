"""The vocabulary's enums as GraphQL shows them: every value described, or the module does not load."""

from enum import EnumMeta

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from gateway.policy.reconciling import Code, Hint
from schema.account import Circuit, CredentialState, CreditsSource
from schema.account_event import AccountEventType
from schema.api_key import KeyStatus
from schema.attempt import Verdict
from schema.batch import BatchMode
from schema.delivery import DeliveryState
from schema.event import EventType
from schema.frame import FrameEnd
from schema.image import ImageType
from schema.incident import IncidentKind
from schema.ledger import EntryKind
from schema.lifecycle import AttemptState, Substate, VideoStatus
from schema.link import Disposition, Variant
from schema.ownership import ManagedBy
from schema.remedy import Party
from schema.resolution import Verb
from schema.tenant import FundingMode, Scope
from schema.video import AspectRatio, OnMaxWait, OnUnknown, OnUnsupported, Priority, Quality, Strategy


def _show(core: EnumMeta, about: str, *, name: str | None = None, **values: tuple[str, str] | str) -> None:
    """Register an enum; each member's name comes with its description, and another name if GraphQL needs one."""
    strawberry.enum(core, name=name, description=about)
    definition: StrawberryEnumDefinition = vars(core)["__strawberry_definition__"]
    for value in definition.values:
        said = values.pop(value.name)
        value.name, value.description = said if isinstance(said, tuple) else (value.name, said)
    if values:
        raise TypeError(f"{core.__name__} has no {', '.join(values)}")


_show(
    VideoStatus,
    "Where a video is in its life. The last three never change.",
    QUEUED="Accepted; no provider works on it yet.",
    IN_PROGRESS="A provider may be working on it.",
    COMPLETED="The file is here and can be downloaded.",
    FAILED="It will never be made; `error` says why.",
    CANCELED="The tenant stopped waiting for it.",
)
_show(
    Substate,
    "What a video that has not ended is doing, closer than its status says.",
    name="VideoSubstate",
    WAITING_CAPACITY="Accepted; no account may take it just now.",
    SUBMITTING="The paid request is being sent.",
    RUNNING="A provider is making it.",
    OUTCOME_UNKNOWN="Sent; whether it arrived is not known.",
    FETCHING="Made; the file is being copied here.",
)
_show(
    AspectRatio,
    "The picture's shape.",
    AUTO="The provider decides.",
    WIDE=("WIDE_16_9", "16:9, landscape."),
    TALL=("TALL_9_16", "9:16, portrait."),
    SQUARE=("SQUARE_1_1", "1:1."),
)
_show(
    Quality,
    "How good a picture is wanted.",
    STANDARD="What a provider makes when told nothing.",
    HIGH="The better one, where a provider has it.",
)
_show(
    Strategy,
    "How accounts are ranked.",
    CHEAPEST="By what the video will probably cost.",
    FASTEST="By when it will probably be there.",
    RELIABLE="By how seldom videos fail there.",
    BALANCED="By all three, weighted as the tenant's policy says.",
    ORDERED="By the tenant's list, then by price.",
)
_show(
    OnUnsupported,
    "What to do with a wish that a provider can not be told.",
    ERROR="The provider is excluded.",
    ADJUST="The nearest it can be told is used, and listed in `adjustments`.",
)
_show(
    OnUnknown,
    "What to do when nobody knows whether a paid request arrived.",
    FAIL="The video fails with `submission_outcome_unknown`.",
    WAIT="It waits until an operator finds out, or for its deadline.",
    RETRY="It is sent again to the same account: you accept paying twice, once.",
    FAILOVER="It is sent to another account: you accept paying twice, once.",
)
_show(
    OnMaxWait,
    "What to do when a better account had no room for as long as a video may wait for it.",
    SPILL="It goes to the next account that has room.",
    FAIL="The video fails with `wait_exceeded`.",
)
_show(
    Priority,
    "Which of a tenant's own waiting videos goes first.",
    LOW="After all others.",
    NORMAL="Unless said.",
    HIGH="Before all others.",
)
_show(
    Party,
    "Who can make a change.",
    CALLER="Whoever asks for the video.",
    TENANT="Whoever sets the tenant's preferences and budgets.",
    OPERATOR="Whoever runs the gateway.",
)
_show(
    ManagedBy,
    "Where a tenant's routing policy is changed.",
    name="PolicyManagedBy",
    FILE="In the configuration file, and nowhere else.",
    API="Here, by REST, or from the command line.",
)
_show(
    AttemptState,
    "Where one try at one account is.",
    PLANNED="Chosen; nothing is sent yet.",
    SUBMITTING="The paid request is being sent.",
    RUNNING="The provider is making the video.",
    SUCCEEDED="The provider made it.",
    FAILED="It did not, and `reason` says why.",
    UNKNOWN="It was sent, and nobody knows what became of it.",
)
_show(
    Verdict,
    "What became of an attempt's one paid request.",
    name="AttemptVerdict",
    NOT_SENT="Provably nothing left the gateway.",
    REJECTED="The provider said no before it began.",
    ACCEPTED="The provider took it.",
    UNKNOWN="Neither is known: it may have been billed.",
)
_show(
    EventType,
    "What happened to a video, or to what else you have.",
    name="EventType",
    QUEUED="It was accepted.",
    STARTED="A provider began, or a late watcher learns that one has.",
    PROGRESS="Its progress or substate changed.",
    OUTCOME_UNKNOWN="A paid request was sent, and whether it arrived is not known.",
    COMPLETED="It is finished; the last event.",
    FAILED="It failed; the last event.",
    CANCELED="It was canceled; the last event.",
    LATE_OUTPUT="A provider made it after it had ended here: `extraOutputs` has the file, or it was lost.",
    BUDGET_WARNING="It brought a budget of yours to a share that is worth knowing.",
    CREDITS_LOW="An account of your own has few credits left.",
    ACCOUNT_DEGRADED="An account of your own is not used for now, and why.",
    ACCOUNT_RECOVERED="It is used again.",
    ENDPOINT_DISABLED="A webhook endpoint of yours is told nothing any more, and why.",
)
_show(
    EntryKind,
    "What an entry of the ledger is about.",
    name="LedgerEntryKind",
    TOP_UP="An operator gave you money to spend.",
    HOLD="Set aside for a video: the most it may cost.",
    CAPTURE="What a video cost, out of its hold.",
    RELEASE="The rest of a video's hold, given back.",
    ADJUST="An operator's correction.",
    COST="What a provider bills the operator; you never see one.",
    SUSPENSE="What a provider may have billed the operator; you never see one.",
)
_show(
    FundingMode,
    "When a tenant pays.",
    PREPAID="Before: it spends what was topped up, and no more.",
    POSTPAID="Afterwards.",
)
_show(
    IncidentKind,
    "What must not happen, and did.",
    DUPLICATE_CHARGE="One key, two jobs: both were billed.",
    REF_COLLISION="A provider gave one id to two attempts.",
    COST_ABOVE_QUOTE="A video cost more than was promised.",
    ORPHAN_HOOK="A signed hook spoke of nothing we know.",
    ORPHAN_ANSWER="An answer found after a restore speaks of an attempt that the database does not know.",
)
_show(
    Circuit,
    "Whether an account is sent videos, as far as its answers go.",
    CLOSED="As many as it has room for.",
    OPEN="None, until it was probed.",
    HALF_OPEN="One, on trial.",
)
_show(
    CredentialState,
    "Whether a provider takes our credential.",
    WORKS="It does, or was not asked yet.",
    REFUSED="It does not.",
)
_show(
    CreditsSource,
    "Who told what balance an account has.",
    PROVIDER="The provider, in a refusal.",
    OPERATOR="An operator.",
)
_show(
    AccountEventType,
    "What happened to an account.",
    CIRCUIT_OPENED="It failed too often: it gets no videos.",
    CIRCUIT_HALF_OPENED="It answers again: it gets one, on trial.",
    CIRCUIT_CLOSED="It gets videos again.",
    UNAUTHORIZED="The provider refused our credential.",
    AUTHORIZED="The credential works again, or is trusted again.",
    OUT_OF_CREDITS="The provider said that it has not enough credits.",
    PAUSED="An operator paused it.",
    RESUMED="An operator resumed it.",
    RESET="An operator had its failures forgotten.",
    CREDITS_TOLD="An operator told its balance, which is no more than was thought.",
    CREDITS_LOW="Its credits have come down to a step.",
    CREDITS_TOPPED_UP="An operator told a greater balance than was thought.",
)
_show(
    Verb,
    "What an operator said of an unknown attempt.",
    name="ResolutionVerb",
    BIND="The provider has a job for it.",
    VOID="It was never made, or gave nothing.",
)
_show(
    Scope,
    "What an API key may do.",
    VIDEOS_READ="Read videos.",
    VIDEOS_WRITE="Create and cancel videos.",
    TENANT_ADMIN="Change the tenant's preferences, keys and webhooks.",
    OPERATOR="Run the gateway: accounts, tenants, unknown outcomes.",
)
_show(
    KeyStatus,
    "Whether an API key works.",
    name="ApiKeyStatus",
    ACTIVE="It does.",
    EXPIRED="Its time is over.",
    REVOKED="Somebody revoked it.",
)
_show(
    Code,
    "What an account says and the ledger does not.",
    name="DifferenceCode",
    REPORTED_NOT_BOOKED="The provider reported another cost than is booked.",
    ESTIMATE_NOT_BOOKED="It reported none, and what is booked is not what was expected.",
    UNBOOKED="The provider took it, and no cost is booked.",
    BOOKED_WITHOUT_ATTEMPT="A cost is booked for what is not there, or cost nothing.",
    BALANCE_FELL="The account has less left than the booked costs say.",
    BALANCE_ROSE="The account has more left than the booked costs say.",
)
_show(
    Hint,
    "Why a difference may be in order, or what balances say of a lost submit.",
    name="ReconciliationHint",
    LIKELY_BILLED="Lost submits, had they been billed, are exactly what is missing.",
    LIKELY_NOT_BILLED="The balances before and after leave no room for it.",
    MAYBE_TOPPED_UP="Somebody bought credits, or the provider gave some back.",
)
_show(
    ImageType,
    "The formats of pictures that are taken.",
    JPEG="`image/jpeg`.",
    PNG="`image/png`.",
    WEBP="`image/webp`.",
)
_show(
    Disposition,
    "What a browser does with what a link leads to.",
    INLINE="It shows it.",
    ATTACHMENT="It saves it.",
)
_show(
    Variant,
    "What of a video.",
    name="ContentVariant",
    VIDEO="The film.",
    THUMBNAIL="A picture of it.",
    SPRITESHEET="Twenty pictures of it, evenly spread, in a grid of 5 by 4.",
)
_show(
    FrameEnd,
    "Which frame of a video another one starts from.",
    name="VideoFrameEnd",
    FIRST="The first: another film from the same beginning.",
    LAST="The last: what comes next.",
)
_show(
    BatchMode,
    "What to do when money, or room among your waiting videos, does not cover every wish of a batch.",
    ALL="Accept none.",
    AFFORDABLE="Accept the first ones, as many as it covers.",
)
_show(
    DeliveryState,
    "Where a delivery to a webhook endpoint is.",
    name="WebhookDeliveryState",
    PENDING="It is told, or will be.",
    DELIVERED="It was answered with 2xx.",
    EXHAUSTED="Its schedule was over.",
    SKIPPED="Its endpoint was disabled or removed.",
)

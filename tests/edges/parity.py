"""The table of what can be done and by which doors; ``python -m tests.edges.parity`` writes the page in the docs."""

import sys
from collections.abc import Iterable
from typing import NamedTuple


class Lacks(NamedTuple):
    """A door does not do it, and why."""

    why: str


class Deed(NamedTuple):
    """One thing to do, and its names at each door."""

    what: str
    rest: tuple[str | Lacks, ...]
    graphql: tuple[str | Lacks, ...]
    cli: tuple[str | Lacks, ...]


def deed(what: str, rest: str | Lacks, graphql: str | Lacks, cli: str | Lacks) -> Deed:
    """Several names at one door are parted by a semicolon."""
    return Deed(what, _names(rest), _names(graphql), _names(cli))


def _names(said: str | Lacks) -> tuple[str | Lacks, ...]:
    return (said,) if isinstance(said, Lacks) else tuple(name.strip() for name in said.split(";"))


BYTES = Lacks("bytes are not GraphQL's: `video { contentUrl }` leads to REST")
PICTURE_BYTES = Lacks("bytes are not GraphQL's: REST takes and gives them")

_ENDPOINT = "/v1/webhook_endpoints/{endpoint_id}"

TENANT = (
    deed("ask for a video", "POST /v1/videos", "mutation createVideo", "filmgate videos create"),
    deed(
        "ask for a video from a frame of another one",
        "POST /v1/videos/{video_id}/remix; POST /v1/videos/edits; POST /v1/videos/extensions",
        "mutation createVideo",
        "filmgate videos remix; filmgate videos create",
    ),
    deed(
        "ask for several at once, and read a batch",
        "POST /v1/video_batches; GET /v1/video_batches/{batch_id}",
        "mutation createVideos; query batch",
        "filmgate videos batch",
    ),
    deed("list videos", "GET /v1/videos", "query videos", "filmgate videos list"),
    deed(
        "read a video",
        "GET /v1/videos/{video_id}",
        "query video; query node; query nodes",
        "filmgate videos get",
    ),
    deed("see why it went where it went", "GET /v1/videos/{video_id}/route", "query video", "filmgate videos explain"),
    deed("watch a video", "GET /v1/videos/{video_id}/events", "subscription videoEvents", "filmgate videos watch"),
    deed(
        "read what happened, and watch what happens",
        "GET /v1/events",
        "query eventLog; subscription events",
        "filmgate events list; filmgate events follow",
    ),
    deed("cancel a video", "POST /v1/videos/{video_id}/cancel", "mutation cancelVideo", "filmgate videos cancel"),
    deed("download a video", "GET /v1/videos/{video_id}/content", BYTES, "filmgate videos download"),
    deed(
        "make a link to its file that needs no key",
        "POST /v1/videos/{video_id}/links",
        "mutation createContentLink",
        "filmgate videos link",
    ),
    deed("delete a video", "DELETE /v1/videos/{video_id}", "mutation deleteVideo", "filmgate videos delete"),
    deed(
        "get a video's receipt, and the keys to verify it",
        "GET /v1/videos/{video_id}/receipt; GET /.well-known/filmgate-receipts.json",
        "query video",
        "filmgate videos receipt; filmgate receipts keys",
    ),
    deed("send a picture", "POST /v1/images", PICTURE_BYTES, "filmgate images upload"),
    deed(
        "list, read and delete pictures",
        "GET /v1/images; GET /v1/images/{image_id}; DELETE /v1/images/{image_id}",
        "query images; query image; mutation deleteImage",
        "filmgate images list; filmgate images get; filmgate images delete",
    ),
    deed("download a picture", "GET /v1/images/{image_id}/content", PICTURE_BYTES, "filmgate images download"),
    deed("ask what a video would cost, and where", "POST /v1/quotes", "query quote", "filmgate quote"),
    deed("see what can be asked for", "GET /v1/models; GET /v1/models/{model}", "query models", "filmgate models"),
    deed("see how the accounts are", "GET /v1/providers", "query providers", "filmgate providers"),
    deed("see the balance", "GET /v1/balance", "query balance", "filmgate balance"),
    deed("read the ledger", "GET /v1/ledger", "query ledger", "filmgate ledger list; filmgate ledger export"),
    deed(
        "see the tenant and its policy", "GET /v1/tenant", "query tenant; query viewer", "filmgate tenants policy show"
    ),
    deed(
        "change how videos are routed",
        "PATCH /v1/tenant",
        "mutation updateTenantPolicy",
        "filmgate tenants policy set",
    ),
    deed("see former policies", "GET /v1/tenant/policies", "query tenant", "filmgate tenants policy history"),
    deed(
        "take a former policy again",
        "POST /v1/tenant/policies/{version}/restore",
        "mutation restoreTenantPolicy",
        "filmgate tenants policy restore",
    ),
    deed(
        "see what a change of policy had meant",
        "POST /v1/tenant/policy/replay",
        "query policyReplay",
        "filmgate tenants whatif",
    ),
    deed("list API keys", "GET /v1/keys", "query apiKeys", "filmgate keys list"),
    deed("read an API key", "GET /v1/keys/{key_id}", "query apiKey", "filmgate keys show"),
    deed("make an API key", "POST /v1/keys", "mutation createApiKey", "filmgate keys create"),
    deed("change an API key", "PATCH /v1/keys/{key_id}", "mutation updateApiKey", "filmgate keys update"),
    deed("rotate an API key", "POST /v1/keys/{key_id}/rotate", "mutation rotateApiKey", "filmgate keys rotate"),
    deed("revoke an API key", "DELETE /v1/keys/{key_id}", "mutation revokeApiKey", "filmgate keys revoke"),
    deed("list webhook endpoints", "GET /v1/webhook_endpoints", "query webhookEndpoints", "filmgate webhooks list"),
    deed(
        "read a webhook endpoint",
        "GET /v1/webhook_endpoints/{endpoint_id}",
        "query webhookEndpoint",
        "filmgate webhooks get",
    ),
    deed(
        "make a webhook endpoint",
        "POST /v1/webhook_endpoints",
        "mutation createWebhookEndpoint",
        "filmgate webhooks create",
    ),
    deed(
        "change a webhook endpoint, disable and enable it",
        "POST /v1/webhook_endpoints/{endpoint_id}",
        "mutation updateWebhookEndpoint",
        "filmgate webhooks update",
    ),
    deed(
        "remove a webhook endpoint",
        "DELETE /v1/webhook_endpoints/{endpoint_id}",
        "mutation deleteWebhookEndpoint",
        "filmgate webhooks delete",
    ),
    deed(
        "rotate its secret",
        "POST /v1/webhook_endpoints/{endpoint_id}/rotate_secret",
        "mutation rotateWebhookEndpointSecret",
        "filmgate webhooks rotate-secret",
    ),
    deed(
        "see what endpoints can be told of",
        "GET /v1/webhook_event_types",
        Lacks("the enum `EventType` says it"),
        Lacks("`filmgate webhooks create --help` lists them"),
    ),
    deed(
        "see and rotate what signs for each video's own address",
        "GET /v1/webhook_secret; POST /v1/webhook_secret/rotate",
        "query webhookSecret; mutation rotateWebhookSecret",
        "filmgate webhooks secret; filmgate webhooks rotate-secret",
    ),
    deed("make a client token", "POST /v1/client_tokens", "mutation createClientToken", "filmgate tokens create"),
    deed("list client tokens", "GET /v1/client_tokens", "query clientTokens", "filmgate tokens list"),
    deed(
        "revoke a client token",
        "DELETE /v1/client_tokens/{token_id}",
        "mutation revokeClientToken",
        "filmgate tokens revoke",
    ),
    deed(
        "list and read own accounts",
        "GET /v1/accounts; GET /v1/accounts/{account_id}",
        "query accountSetups",
        "filmgate accounts setups",
    ),
    deed("set up an own account", "POST /v1/accounts", "mutation createAccount", "filmgate accounts add"),
    deed(
        "change an own account", "PATCH /v1/accounts/{account_id}", "mutation updateAccount", "filmgate accounts update"
    ),
    deed(
        "remove an own account",
        "DELETE /v1/accounts/{account_id}",
        "mutation removeAccount",
        "filmgate accounts remove",
    ),
    deed(
        "give it a new credential",
        "POST /v1/accounts/{account_id}/credential",
        "mutation rotateAccountCredential",
        "filmgate accounts credential",
    ),
    deed(
        "give it webhook secrets",
        "POST /v1/accounts/{account_id}/webhook_secrets",
        "mutation setAccountWebhookSecrets",
        "filmgate accounts webhook-secrets",
    ),
    deed("test it for free", "POST /v1/accounts/{account_id}/test", "mutation testAccount", "filmgate accounts test"),
    deed(
        "see what webhook endpoints were told, and each try",
        f"GET {_ENDPOINT}/deliveries; GET {_ENDPOINT}/deliveries/{{delivery_id}}",
        "query webhookDeliveries; query webhookDelivery",
        "filmgate webhooks deliveries",
    ),
    deed(
        "see what the address that a video was given was told",
        "GET /v1/videos/{video_id}/deliveries; GET /v1/videos/{video_id}/deliveries/{delivery_id}",
        "query webhookDeliveries; query webhookDelivery",
        "filmgate webhooks deliveries",
    ),
    deed(
        "send a delivery again",
        f"POST {_ENDPOINT}/deliveries/{{delivery_id}}/replay; "
        "POST /v1/videos/{video_id}/deliveries/{delivery_id}/replay",
        "mutation replayDelivery",
        "filmgate webhooks replay",
    ),
    deed(
        "send again what an endpoint was told since a moment",
        f"POST {_ENDPOINT}/replay",
        "mutation replayDeliveries",
        "filmgate webhooks replay",
    ),
    deed(
        "send an endpoint a sample", f"POST {_ENDPOINT}/test", "mutation testWebhookEndpoint", "filmgate webhooks test"
    ),
    deed("read the own part of the audit trail", "GET /v1/audit", "query auditLog", "filmgate audit list"),
)
"""What a tenant's keys can do."""

_TENANT = "/v1/admin/tenants/{tenant_id}"
_ACCOUNT = "/v1/admin/accounts/{account_id}"

OPERATOR = (
    deed(
        "list and read tenants",
        f"GET /v1/admin/tenants; GET {_TENANT}",
        "query tenants; query tenant",
        "filmgate tenants list; filmgate tenants show",
    ),
    deed("make a tenant", "POST /v1/admin/tenants", "mutation createTenant", "filmgate tenants create"),
    deed(
        "change a tenant, and how it is routed",
        f"PATCH {_TENANT}",
        "mutation updateTenant; mutation updateTenantPolicy",
        "filmgate tenants update; filmgate tenants policy set",
    ),
    deed("remove a tenant", f"DELETE {_TENANT}", "mutation removeTenant", "filmgate tenants remove"),
    deed(
        "see, restore and replay its policies",
        f"GET {_TENANT}/policies; POST {_TENANT}/policies/{{version}}/restore; POST {_TENANT}/policy/replay",
        "query tenant; mutation restoreTenantPolicy; query policyReplay",
        "filmgate tenants policy history; filmgate tenants policy restore; filmgate tenants whatif",
    ),
    deed(
        "manage its API keys",
        f"GET {_TENANT}/keys; POST {_TENANT}/keys; GET {_TENANT}/keys/{{key_id}}; PATCH {_TENANT}/keys/{{key_id}}; "
        f"DELETE {_TENANT}/keys/{{key_id}}; POST {_TENANT}/keys/{{key_id}}/rotate",
        "query apiKeys; query apiKey; mutation createApiKey; mutation updateApiKey; mutation rotateApiKey; "
        "mutation revokeApiKey",
        "filmgate keys list; filmgate keys show; filmgate keys create; filmgate keys update; filmgate keys rotate; "
        "filmgate keys revoke",
    ),
    deed("top it up", f"POST {_TENANT}/top-ups", "mutation topUp", "filmgate tenants top-up"),
    deed("correct its balance", f"POST {_TENANT}/adjustments", "mutation adjustBalance", "filmgate tenants adjust"),
    deed("see its balance", f"GET {_TENANT}/balance", "query balance", "filmgate tenants balance"),
    deed(
        "set accounts up, and change and remove them",
        f"POST /v1/admin/accounts; GET /v1/admin/accounts/setups; GET {_ACCOUNT}; PATCH {_ACCOUNT}; DELETE {_ACCOUNT}; "
        f"POST {_ACCOUNT}/credential; POST {_ACCOUNT}/webhook_secrets; POST {_ACCOUNT}/test",
        "mutation createAccount; query accountSetups; mutation updateAccount; mutation removeAccount; "
        "mutation rotateAccountCredential; mutation setAccountWebhookSecrets; mutation testAccount",
        "filmgate accounts add; filmgate accounts setups; filmgate accounts update; filmgate accounts remove; "
        "filmgate accounts credential; filmgate accounts webhook-secrets; filmgate accounts test",
    ),
    deed("see how accounts are", "GET /v1/admin/accounts", "query accounts", "filmgate accounts list"),
    deed(
        "pause, resume and reset an account, and tell its balance",
        f"POST {_ACCOUNT}/pause; POST {_ACCOUNT}/resume; POST {_ACCOUNT}/reset; POST {_ACCOUNT}/credits",
        "mutation pauseAccount; mutation resumeAccount; mutation resetAccount; mutation setAccountCredits",
        "filmgate accounts pause; filmgate accounts resume; filmgate accounts reset; filmgate accounts credits",
    ),
    deed(
        "see what happened to accounts",
        "GET /v1/admin/accounts/events",
        "query accountEvents",
        "filmgate accounts events",
    ),
    deed(
        "find out what became of lost attempts",
        "GET /v1/admin/attempts; POST /v1/admin/attempts/{attempt_id}/bind; POST /v1/admin/attempts/{attempt_id}/void; "
        "GET /v1/admin/resolutions; GET /v1/admin/suspense",
        "query unknownAttempts; mutation bindAttempt; mutation voidAttempt; query resolutions; query suspense",
        "filmgate attempts unknown; filmgate attempts bind; filmgate attempts void",
    ),
    deed("see incidents", "GET /v1/admin/incidents", "query incidents", "filmgate incidents"),
    deed("compare with providers' bills", "GET /v1/admin/reconciliation", "query reconciliation", "filmgate reconcile"),
    deed(
        "read and export the audit trail",
        "GET /v1/admin/audit; GET /v1/admin/audit/export",
        "query auditLog",
        "filmgate audit list; filmgate audit export",
    ),
    deed("see which file is in force", "GET /v1/admin/configuration", "query configuration", "filmgate config status"),
    deed(
        "put secrets under a new master key",
        "GET /v1/admin/secrets; POST /v1/admin/secrets/rekey",
        "query masterKeys; mutation rekeySecrets",
        "filmgate secrets status; filmgate secrets rekey",
    ),
    deed(
        "rotate the key that signs client tokens",
        "GET /v1/admin/signing_keys; POST /v1/admin/signing_keys",
        "query signingKeys; mutation rotateSigningKey",
        "filmgate tokens rotate-key",
    ),
    deed(
        "end a quarantine",
        "GET /v1/admin/quarantine; POST /v1/admin/quarantine/release",
        Lacks("it is ended once, by whoever restored the backup"),
        "filmgate db status; filmgate db release",
    ),
)
"""What a key with the scope ``operator`` can do."""

HERE_ALONE = {
    "POST /hooks/{provider}/{token}": "providers call it",
    "GET /content/{token}": "whoever has a link; it holds bytes",
    "GET /livez": "whoever watches the process",
    "GET /readyz": "whoever watches the process",
    "GET /problems": "a page for people",
    "GET /problems/{code}": "a page for people",
    "GET /openapi.json": "the description of REST itself",
    "filmgate demo": "starts a server",
    "filmgate serve": "starts a server",
    "filmgate work": "starts a worker",
    "filmgate init": "writes a file",
    "filmgate apply": "applies a file to the database",
    "filmgate config check": "reads a file",
    "filmgate config show": "reads a file",
    "filmgate config schema": "describes the file",
    "filmgate db backup": "works on the database itself",
    "filmgate db migrate": "works on the database itself",
    "filmgate db quarantine": "works on the database itself",
    "filmgate db restore": "works on the database itself",
    "filmgate ledger verify": "works on the database itself",
    "filmgate receipts verify": "needs no gateway",
    "filmgate webhooks listen": "forwards events to a receiver under development",
    "filmgate webhooks trigger": "needs no gateway",
    "filmgate schema openapi": "prints a description",
    "filmgate schema sdl": "prints a description",
    "filmgate doctor": "looks at this machine",
    "filmgate version": "looks at this machine",
}
"""What one door has alone, and why."""


def written() -> str:
    """The page."""
    return "\n".join(
        [
            "# What can be done, and by which doors",
            "",
            "Made from the routes, the schema and the commands, which a test compares it with: nothing is missing.",
            "",
            "## A tenant",
            "",
            *_table(TENANT),
            "",
            "## An operator",
            "",
            *_table(OPERATOR),
            "",
            "## At one door alone",
            "",
            "| what | because |",
            "|---|---|",
            *(f"| `{name}` | {why} |" for name, why in HERE_ALONE.items()),
            "",
        ]
    )


def _table(deeds: Iterable[Deed]) -> list[str]:
    rows = [f"| {one.what} | {_cell(one.rest)} | {_cell(one.graphql)} | {_cell(one.cli)} |" for one in deeds]
    return ["| to | REST | GraphQL | command |", "|---|---|---|---|", *rows]


def _cell(names: tuple[str | Lacks, ...]) -> str:
    return "<br>".join(f"*{name.why}*" if isinstance(name, Lacks) else f"`{name}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(written())

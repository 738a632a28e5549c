"""Doitong as a provider: what an account at it may be set up with. Facts and quirks: README.md here."""

from providers.base import ProviderKind
from providers.doitong.adapter import PLANS, Options, build

DOITONG = ProviderKind(
    name="doitong",
    title="Doitong (Google Veo3 Ultra)",
    base_url="https://api.doitong.com",
    options=Options,
    plans=PLANS,
    default_plan="free",
    build=build,
)

"""veo3o1 as a provider: what an account at it may be set up with. Facts and quirks: README.md here."""

from providers.base import ProviderKind
from providers.veo3o1.adapter import PLANS, Options, build

VEO3O1 = ProviderKind(
    name="veo3o1",
    title="veo3o1 (Veo 3.1)",
    base_url="https://veo3o1.com/api",
    options=Options,
    plans=PLANS,
    default_plan="default",
    build=build,
)

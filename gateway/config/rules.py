"""Rules of a routing policy that never count: contradictory, behind a more general one, or for what nobody makes."""

from collections.abc import Iterable, Iterator, Sequence

from gateway.config.accounts import AccountSetup
from gateway.config.places import Place
from gateway.config.reading import Notes
from gateway.policy.capability import fit
from schema.tenant import RoutingPolicy, Rule, When
from schema.video import ANY_MODEL, MAX_SECONDS, VideoSpec

_EXACT = ("model", "aspect_ratio", "quality", "image")
_A_PICTURE = "https://example.com/picture.png"


def check_order(rules: Sequence[Rule], place: Place, notes: Notes) -> None:
    """The first rule that holds counts, so one that holds wherever a later one does leaves it nothing."""
    for position, rule in enumerate(rules):
        here = (*place, position)
        if _contradicts_itself(rule.when):
            problem = f"min_seconds {rule.when.min_seconds} is more than max_seconds {rule.when.max_seconds}"
            notes.warning((*here, "when"), f"{problem}: it never holds")
            continue
        first = next((number for number in range(position) if covers(rules[number].when, rule.when)), None)
        if first is not None:
            notes.warning(here, f"{_why(rules[first], first)}: this one never counts", "write the narrower rule first")


def check_makers(policy: RoutingPolicy, reached: Sequence[AccountSetup], place: Place, notes: Notes) -> None:
    """Every rule should be for videos that somebody who serves this tenant can be told to make."""
    for position, rule in enumerate(policy.rules):
        here = (*place, position)
        left = [setup for setup in reached if _leaves(rule, setup)]
        if notes.spoke_of(here):
            continue
        if not left:
            notes.warning(here, "its only and exclude leave no account that serves this tenant: no video is made by it")
        elif not _contradicts_itself(rule.when) and not _somebody(rule.when, policy, left):
            notes.warning((*here, "when"), f"no such video can be made by {_named(left)}: the rule is of no use")


def covers(general: When, special: When) -> bool:
    """Whether one holds for every video for which the other does."""
    alike = all(getattr(general, name) in (None, getattr(special, name)) for name in _EXACT)
    if not alike or general.min_seconds is general.max_seconds is None:
        return alike
    if special.min_seconds is special.max_seconds is None:
        return False  # it also holds for videos of no certain duration
    least, most = _range(general)
    return least <= _range(special)[0] and _range(special)[1] <= most


def _range(when: When) -> tuple[int, int]:
    return when.min_seconds or 1, when.max_seconds or MAX_SECONDS


def _contradicts_itself(when: When) -> bool:
    least, most = _range(when)
    return least > most


def _why(rule: Rule, position: int) -> str:
    if rule.when == When():
        return f"rule {position + 1} has no when, so it holds for every video"
    return f"rule {position + 1} holds for all these videos, and comes first"


def _leaves(rule: Rule, setup: AccountSetup) -> bool:
    names = {setup.account.id, setup.account.provider}
    return (not rule.only or not names.isdisjoint(rule.only)) and names.isdisjoint(rule.exclude)


def _somebody(when: When, policy: RoutingPolicy, accounts: Iterable[AccountSetup]) -> bool:
    """Whether any account can be told to make any video the rule is for; one that could not be read might."""
    able = [setup.provider.capabilities if setup.provider else None for setup in accounts]
    return None in able or any(
        not fit(spec, each, policy.on_unsupported).exclusions
        for each in able
        if each is not None
        for spec in _specs(when)
    )


def _specs(when: When) -> Iterator[VideoSpec]:
    """Videos the rule is for, one of each duration."""
    least, most = _range(when)
    any_duration = when.min_seconds is when.max_seconds is None
    for seconds in (None,) if any_duration else range(least, most + 1):
        yield VideoSpec(
            prompt="-",
            model=when.model or ANY_MODEL,
            aspect_ratio=when.aspect_ratio,
            quality=when.quality,
            image_url=_A_PICTURE if when.image else None,
            seconds=seconds,
        )


def _named(accounts: Iterable[AccountSetup]) -> str:
    return " or ".join(setup.account.id for setup in accounts)

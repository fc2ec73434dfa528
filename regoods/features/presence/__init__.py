"""Presence: who is online. Adds `isOnline` to conversation previews, by the partner's user id."""

from regoods.core.feature import Feature
from regoods.features.presence.events import online_fields

FEATURE = Feature(name="presence", enriches={"conversations": online_fields})

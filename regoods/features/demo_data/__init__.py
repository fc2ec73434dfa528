"""Demo data: users, posts and a little talk for development and load tests, made at start where DEMO_DATA is on.

No URLs, no frames, no events.
"""

from regoods.core.feature import Feature
from regoods.features.demo_data.actions import seed

FEATURE = Feature(name="demo_data", prepare=seed, enabled=lambda settings: settings.demo_data)

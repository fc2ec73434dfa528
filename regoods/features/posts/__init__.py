"""Posts: what buyers and sellers write about. ReGoods owns them; nothing here changes them.

No URLs, no frames, no events.
"""

from regoods.core.feature import Feature

FEATURE = Feature(name="posts")

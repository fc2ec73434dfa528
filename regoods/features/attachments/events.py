from regoods.core.wire import Shape


class Attachment(Shape):
    url: str
    """Absolute, for a message's `attachmentUrl`."""

def is_close_code(code: int) -> bool:
    """Whether a close frame may carry it (RFC 6455, 7.4, and IANA's registry)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999

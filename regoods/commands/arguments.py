"""Kinds of arguments that several commands take."""

import argparse

from regoods.core.tokens import LARGEST_ID, is_id


def user_id(given: str) -> int:
    return _id(given, "user id")


def post_id(given: str) -> int:
    return _id(given, "post id")


def text(given: str) -> str:
    try:
        given.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError("it is not in UTF-8, as this terminal says that it is") from None
    return given


def _id(given: str, kind: str) -> int:
    if not given.isdecimal() or not is_id(int(given)):
        raise argparse.ArgumentTypeError(f"{given!r} is no {kind}, a whole number from 1 to {LARGEST_ID}")
    return int(given)

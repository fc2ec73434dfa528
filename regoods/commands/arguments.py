"""Kinds of arguments that several commands take."""

import argparse

from regoods.core.tokens import LARGEST_ID, is_id


def user_id(text: str) -> int:
    return _id(text, "user id")


def post_id(text: str) -> int:
    return _id(text, "post id")


def _id(text: str, kind: str) -> int:
    if not text.isdecimal() or not is_id(int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no {kind}, a whole number from 1 to {LARGEST_ID}")
    return int(text)

"""`run.py types`: the contract as TypeScript."""

import argparse

from regoods.app import contract
from regoods.commands.command import DONE, Command
from regoods.features.api_docs import asyncapi, openapi, typescript


def run(_options: argparse.Namespace) -> int:
    print(typescript.types(openapi.document(contract()), asyncapi.document(contract())), end="")
    return DONE


COMMAND = Command("types", "print the TypeScript types of what the server speaks", run)

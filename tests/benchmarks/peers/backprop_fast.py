"""This program with the extra `fast`."""

from tests.benchmarks.peers.backprop import files

PACKAGE = "msgspec"
FILES = {"with [fast]": files}

"""Tests of the replay: readers, player, command, and the evaluation against an independent one."""

"""Recommending: users a second of the engine, against numpy one user at a time and a scan in Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.measure import ROOT, Context, Row, row
from benchmarks.recommend_engine import SINGLE_THREAD
from movies.inventory import generated_movies


def run(context: Context) -> list[Row]:
    return engine_rows(context)


def engine_rows(context: Context) -> list[Row]:
    """The engine alone, on generated movies and one thread."""
    file = context.folder / "catalog.npz"
    write_catalog(file, context.movies)
    context.say(
        "lists of 20 of the mixture, 50 finished movies a user, at most 3 of one profile; CPU seconds"
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.recommend_engine", "--movies", str(file)],
        cwd=ROOT,
        env=os.environ | SINGLE_THREAD,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    name = f"lists from {context.movies:,} movies, one core"
    return [
        row(
            f"{name} (to numpy, one user at a time)",
            seen["engine"],
            "users/s",
            baseline=seen["numpy"],
            goal=">= 15",
        ),
        row(f"{name} (to a Python scan)", seen["engine"], "users/s", baseline=seen["python"], goal=">= 300"),
        row("peak memory of a process with the engine", seen["peak_mb"], "MB"),
    ]


def write_catalog(file: Path, movies: int) -> None:
    """The columns of a catalog of generated movies; the views of all time stand for recent ones."""
    blocks = list(generated_movies.movies(seed=1, first=1, count=movies))
    np.savez(
        file,
        ids=np.arange(1, movies + 1),
        profiles=np.concatenate([block.profiles for block in blocks]),
        views=np.concatenate([block.views for block in blocks]).astype(np.float64),
    )

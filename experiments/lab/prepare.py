"""From flags to what an experiment runs on: its data and its settings."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import minigrad
from minigrad import Dataset, get_backend

from . import rows
from .arguments import batch_sizes, resolve_batch_sizes
from .settings import ModelSettings, Settings
from .sweep import make_model

if TYPE_CHECKING:
    from .experiment import Experiment


def prepare(experiment: Experiment, arguments: argparse.Namespace) -> tuple[Dataset, Settings]:
    """Data and settings as the flags want them; ValueError or OSError where that cannot be."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    name = "quick" if arguments.quick else "full" if arguments.full else "default"
    effort = experiment.efforts[name]
    own = [flag.replace("-", "_") for flag in experiment.flags]
    chosen: dict[str, Any] = dict(effort) | {name: given[name] for name in own if name in given}
    refuse_without_effect(arguments, chosen)
    data = load_data(arguments, experiment.binary, chosen.get("model"))
    data = rows.draw(data, given.get("rows"), name, given.get("seed", 0))
    n = len(data.X_train)
    if len(np.unique(data.y_train)) < 2 or (data.X_train == data.X_train[0]).all():
        raise ValueError(f"{data.name!r} has one class, or no feature that varies, in training; expected more")
    target, guessing = chosen.get("target"), math.log(data.n_classes)
    if target is not None and target >= guessing:
        raise ValueError(f"--target is {target:g}; expected less than {guessing:.3g}, the loss of guessing")
    if "batch_sizes" in chosen:
        wanted = chosen["batch_sizes"]
        if "batch_sizes" not in given:
            wanted = [size for size in batch_sizes(wanted) if size == "all" or int(size) <= n]
        chosen["batch_sizes"] = tuple(resolve_batch_sizes(wanted, n))
    if "hidden" in chosen:
        chosen["hidden"] = tuple(chosen["hidden"])
    chosen |= {name: given[name] for name in ("dtype", "seed") if name in given}
    settings = experiment.settings(dataset=data.name, backend=get_backend(arguments.backend).name, **chosen)
    if isinstance(settings, ModelSettings):
        make_model(data, settings, seed=0)  # a network that does not fit into memory is refused here
    return data, settings


def load_data(arguments: argparse.Namespace, binary: bool | None, model: str | None) -> Dataset:
    """The data set that the flags name, as a binary task where --task, the experiment or its model wants one.

    `binary`: whether the experiment needs two classes; None: where its model is logistic regression, but a user's own
    classes then stay as they are.

    Raises
    ------
    ValueError, OSError
        There are no such data, or no such task in them.
    """
    if arguments.max_bytes is not None:
        os.environ["MINIGRAD_MAX_BYTES"] = str(arguments.max_bytes)  # read where a file is opened
    task = None if arguments.task == "classes" else arguments.task
    if arguments.data is not None:
        data = minigrad.load_table(arguments.data, arguments.label, task)
        if binary and data.n_classes > 2:
            first, second = data.classes[:2]
            raise ValueError(
                f"{arguments.data!r} has {data.n_classes} classes, and this experiment needs two; expected a task such "
                f"as --task '{first}-vs-rest' or --task '{first}-vs-{second}'"
            )
        return data
    if arguments.dataset == "mnist" or arguments.data_dir is not None:
        data = minigrad.load_mnist(arguments.data_dir)
    else:
        data = minigrad.load_digits()
    needs_two = binary if binary is not None else model == "logistic"
    if arguments.task == "classes" and needs_two and data.n_classes > 2:
        raise ValueError("--task is 'classes'; expected a binary task (or --model mlp, where that is a choice)")
    if task is not None:
        return data.binary(task)
    return data.binary("odd-even") if needs_two and data.n_classes > 2 else data


def refuse_without_effect(arguments: argparse.Namespace, chosen: Mapping[str, Any]) -> None:
    """ValueError for a flag that would change nothing; `chosen` are the settings that the flags lead to."""
    given = vars(arguments)
    for name, condition, expected in (
        ("label", arguments.data is None, "together with --data"),
        ("data_dir", arguments.data is not None, "without --data"),
        ("data_dir", arguments.dataset == "digits", "with --dataset mnist"),
        (
            "max_bytes",
            arguments.data is None and arguments.dataset != "mnist" and arguments.data_dir is None,
            "with --data or --dataset mnist",
        ),
        ("hidden", chosen.get("model") == "logistic", "with --model mlp: logistic regression has no hidden layer"),
        ("activation", chosen.get("model") == "logistic", "with --model mlp: logistic regression has no hidden layer"),
        ("activation", "hidden" in chosen and not chosen["hidden"], "with hidden layers"),
    ):
        if given.get(name) is not None and condition:
            shown = " ".join(map(str, given[name])) if isinstance(given[name], list) else given[name]
            raise ValueError(f"--{name.replace('_', '-')} is {shown!r}; expected only {expected}")

"""On a machine with a GPU: what an update costs there and on the CPU, `python -m benchmarks.gpu`.

One SGD update of an MLP 784-100-10 and of logistic regression, at batch sizes 1 … 65,536 and around the powers of two,
on the batched kernel; the per-sample path; and PyTorch and JAX on the same device where they are installed. The line
t(B) = a + b B is fitted with relative weights: a/b is the batch size at which overhead equals work (claim C4), and
the sizes beside the powers of two show whether those are special (claim C6).

CuPy is timed by `cupyx.profiler.benchmark`, which waits for the device; the others by the clock, waiting likewise.
Writes gpu.json and gpu.png into --out. `--backend numpy` runs the same on the CPU alone.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments.lab import plots, results
from experiments.lab.timing import overhead_and_work
from minigrad import MLP, SGD, Backend, BackendUnavailable, LogisticRegression, get_backend
from minigrad.engine.batch import Batch
from minigrad.model import Model
from minigrad.per_sample import fast_epoch, textbook_epoch

POWERS = [2**k for k in range(17)]  # 1 … 65,536
BESIDE = sorted({n + step for n in (16, 32, 64, 128, 256, 512) for step in (-1, 1)} | {10, 20, 50, 96, 100, 120, 160})
SAMPLES = 512  # of an epoch on a per-sample path


def make_model(kind: str, backend: Backend, dtype: str) -> Model:
    """The two models of this benchmark."""
    if kind == "logistic":
        return LogisticRegression(784, dtype=dtype, backend=backend)
    return MLP((784, 100, 10), dtype=dtype, backend=backend)


def rows_of(model: Model, n: int) -> Batch:
    """n checked samples of noise on the model's device."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, 784), dtype=np.float32), rng.integers(0, model.n_classes, n)
    return model.batch(model.backend.asarray(X), model.backend.asarray(y))


def quartiles(run: Callable[[], Any], backend: Backend, repeats: int) -> list[float]:
    """Microseconds a call: first quartile, median, third quartile."""
    if backend.blas is None:
        from cupyx.profiler import benchmark

        measured = 1e6 * benchmark(run, n_repeat=repeats, n_warmup=3).gpu_times.ravel()
    else:
        measured = by_the_clock(run, lambda: None, repeats)
    return [float(q) for q in np.quantile(measured, [0.25, 0.5, 0.75])]


def by_the_clock(run: Callable[[], Any], wait: Callable[[], Any], repeats: int) -> np.ndarray:
    """Microseconds of each of `repeats` calls, the device waited for before the clock is read."""
    times = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        run()
        wait()
        times.append(1e6 * (time.perf_counter() - start))
    return np.array(times[3:])


def ours(backend: Backend, sizes: list[int], dtype: str, repeats: int) -> list[dict[str, Any]]:
    """Updates on the batched kernel, and samples on the per-sample paths."""
    rows = []
    for kind in ("mlp", "logistic"):
        model, optimizer = make_model(kind, backend, dtype), SGD(1e-4)
        rows_at_hand = rows_of(model, max(*sizes, SAMPLES))
        for size in sizes:
            cost = quartiles(partial(optimizer.step, model, rows_at_hand[:size]), backend, repeats)
            rows.append({"what": f"{kind}, batched, {backend.name}", "batch_size": size, "microseconds": cost})
        order = np.arange(SAMPLES)
        for name, updates in (("textbook", textbook_epoch), ("fast", fast_epoch)):
            epoch = partial(updates, model, rows_at_hand, None, order, 1e-4)
            cost = [q / SAMPLES for q in quartiles(epoch, backend, max(3, repeats // 10))]
            rows.append({"what": f"{kind}, per sample, {name}, {backend.name}", "batch_size": 1, "microseconds": cost})
    return rows


def torch_rows(device: str, sizes: list[int], dtype: str, repeats: int) -> list[dict[str, Any]]:
    """The MLP's update in eager PyTorch; nothing where it is not installed or has no such device."""
    try:
        import torch
    except ImportError:
        return []
    if device == "cuda" and not torch.cuda.is_available():
        return []
    kind = getattr(torch, dtype)
    network = torch.nn.Sequential(torch.nn.Linear(784, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
    network = network.to(device=device, dtype=kind)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-4)
    X, y = torch.randn(max(sizes), 784, device=device, dtype=kind), torch.randint(0, 10, (max(sizes),), device=device)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None

    def update(size: int) -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(X[:size]), y[:size]).backward()
        optimizer.step()

    return [_peer(f"mlp, PyTorch, {device}", size, partial(update, size), wait, repeats) for size in sizes]


def jax_rows(device: str, sizes: list[int], dtype: str, repeats: int) -> list[dict[str, Any]]:
    """The MLP's update in JAX, jitted; nothing where it is not installed or has no such device."""
    try:
        import jax
    except ImportError:
        return []
    jax.config.update("jax_enable_x64", True)
    try:
        place = jax.devices("gpu" if device == "cuda" else "cpu")[0]
    except RuntimeError:
        return []
    from .peers import jax_mlp_loss

    start = [(W.copy(), b.copy()) for W, b in MLP((784, 100, 10), dtype=dtype).layers]
    X, y = np.random.default_rng(0).standard_normal((max(sizes), 784)).astype(dtype), np.zeros(max(sizes), int)
    state = [jax.device_put(start, place)]

    @jax.jit
    def update(parameters: Any, X: Any, y: Any) -> Any:
        gradient = jax.grad(lambda p: jax_mlp_loss(jax, p, X, y))(parameters)
        return jax.tree.map(lambda v, g: v - 1e-4 * g, parameters, gradient)

    rows = []
    for size in sizes:
        batch = jax.device_put((X[:size], y[:size]), place)

        def run(batch: Any = batch) -> None:
            state[0] = jax.block_until_ready(update(state[0], *batch))

        rows.append(_peer(f"mlp, JAX, {device}", size, run, lambda: None, repeats))
    return rows


def _peer(what: str, size: int, run: Callable[[], Any], wait: Callable[[], Any], repeats: int) -> dict[str, Any]:
    cost = [float(q) for q in np.quantile(by_the_clock(run, wait, repeats), [0.25, 0.5, 0.75])]
    return {"what": what, "batch_size": size, "microseconds": cost}


def fits(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """t(B) = a + b B of each kind of work, in microseconds, errors relative to t; and a/b, in samples."""
    found = {}
    for what in dict.fromkeys(row["what"] for row in rows):
        here = [(row["batch_size"], row["microseconds"][1]) for row in rows if row["what"] == what]
        if len(here) < 3:
            continue
        a, b = overhead_and_work(*zip(*here))
        found[what] = {"a": a, "b": b, "a_over_b": a / b if b > 0 else float("inf")}
    return found


def draw(rows: list[dict[str, Any]]) -> Any:
    """Microseconds an update, and a sample, against the batch size."""
    fig, [[left, right]] = plots.panels(1, 2, 14, 6)
    for index, what in enumerate(dict.fromkeys(row["what"] for row in rows)):
        here = sorted((row for row in rows if row["what"] == what), key=lambda row: row["batch_size"])
        B = np.array([row["batch_size"] for row in here])
        t = np.array([row["microseconds"] for row in here])
        for axis, cost in ((left, t), (right, t / B[:, None])):
            middle = cost[:, 1]
            spread = [middle - cost[:, 0], cost[:, 2] - middle]
            marker = plots.MARKERS[index % len(plots.MARKERS)]
            axis.errorbar(B, middle, spread, label=what, color=f"C{index % 10}", marker=marker, ms=5, capsize=2, lw=1.2)
    for axis, what in ((left, "update"), (right, "sample gradient")):
        axis.set_xscale("log", base=2)
        axis.set(yscale="log", xlabel="batch size", ylabel=f"µs a {what} (median, quartiles)")
        axis.xaxis.set_major_formatter(plots.plain_number)
    right.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return fig


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.partition("\n")[0])
    parser.add_argument("--backend", choices=("cupy", "numpy"), default="cupy", help="(default: cupy)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="(default: float32)")
    parser.add_argument("--out", type=Path, default=Path("results/gpu"), help="folder (default: results/gpu)")
    parser.add_argument("--largest", type=int, default=POWERS[-1], help="largest batch size (default: 65536)")
    parser.add_argument("--repeats", type=int, default=50, help="timings of each size (default: 50)")
    arguments = parser.parse_args(argv)
    try:
        backend = get_backend(arguments.backend)
    except BackendUnavailable as error:
        print(f"python -m benchmarks.gpu: error: {error}", file=sys.stderr)
        return 2
    sizes = sorted(size for size in {*POWERS, *BESIDE} if size <= arguments.largest)
    rows = ours(get_backend("numpy"), sizes, arguments.dtype, arguments.repeats)
    device = "cpu"
    if backend.blas is None:
        rows += ours(backend, sizes, arguments.dtype, arguments.repeats)
        device = "cuda"
    rows += torch_rows(device, sizes, arguments.dtype, arguments.repeats)
    rows += jax_rows(device, sizes, arguments.dtype, arguments.repeats)
    arguments.out.mkdir(parents=True, exist_ok=True)
    lines = fits(rows)
    report = {"dtype": arguments.dtype, "rows": rows, "fits": lines, "environment": results.environment(backend)}
    print(f"wrote {results.write_json(arguments.out / 'gpu.json', report)}")
    for path in plots.save(draw(rows), arguments.out, "gpu"):
        print(f"wrote {path}")
    print(f"{report['environment']['device']}: t(B) = a + b B, microseconds")
    for what, line in lines.items():
        print(f"  {what:36} a = {line['a']:10.2f}   b = {line['b']:8.4f}   a/b = {line['a_over_b']:10.1f} samples")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

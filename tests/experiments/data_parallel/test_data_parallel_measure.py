"""What is measured: splits, the same gradient and run on one rank, and a clock that adds up."""

import numpy as np
import pytest
from device import device_backend

from experiments.data_parallel import measure
from experiments.data_parallel.averaging import average, share
from experiments.data_parallel.ranks import Ranks
from minigrad import MLP, get_backend


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize("split", measure.SPLITS)
def test_each_row_has_an_owner_as_the_split_says(split, ranks):
    owner = measure.owners(split, 6000, ranks, np.random.default_rng(0))
    counts = np.bincount(owner, minlength=ranks)
    assert counts.sum() == 6000 and len(counts) == ranks
    if split == "even":
        assert counts.min() > 0.8 * counts.max()
    elif split == "uneven" and ranks > 1:
        assert counts[-1] > 1.5 * counts[-2]
    elif ranks > 1:
        assert counts[-1] == 0


def test_alone_gradients_runs_and_clock_are_there(result):
    rows = {kind: [row for row in result["rows"] if row["kind"] == kind] for kind in ("agreement", "run", "clock")}
    assert all(row["gradient"] < 1e-12 and row["noise"] < 1e-11 for row in rows["agreement"])
    assert all(row["apart"] < 1e-9 and row["alike"] for row in rows["run"])
    for row in rows["clock"]:
        assert row["ranks"] == 1 and len(row["microseconds"]) == 2
        assert all(0 <= message < total for message, total in zip(row["message"], row["microseconds"]))


def test_on_a_device_shares_add_up_as_on_the_host():
    backend = device_backend()
    X, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
    host, device = MLP((3, 4, 1)), MLP((3, 4, 1), backend=backend)
    shares = [share(device, backend.asarray(X[k::2]), backend.asarray(y[k::2])) for k in range(2)]
    found = average(Ranks().total(shares[0] + shares[1], backend))
    assert np.allclose(backend.to_numpy(found.mean), host.gradient(X, y), rtol=1e-12)


class Twice:
    """A communicator of two ranks that have the same share; it takes arrays of the host alone."""

    def Get_rank(self):
        return 0

    def Get_size(self):
        return 2

    def Allreduce(self, _, array):
        assert type(array) is np.ndarray
        array *= 2


def test_a_device_s_share_goes_through_the_host_and_comes_back():
    pytest.importorskip("mpi4py", reason='needs mpi4py and an MPI: python -m pip install -e ".[mpi]"')
    backend = device_backend()
    found = Ranks(Twice()).total(backend.asarray(np.arange(4.0)), backend)
    assert type(found) is type(backend.asarray(np.zeros(1)))
    assert backend.to_numpy(found).tolist() == [0, 2, 4, 6]
    assert Ranks(Twice()).total(np.arange(3.0), get_backend("numpy")).tolist() == [0, 2, 4]

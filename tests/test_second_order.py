"""Conjugate gradient and L-BFGS against loops and matrices written out, and against SciPy's."""

import contextlib
import math

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_close, each_shape, make_problem, refused
from threadpoolctl import threadpool_limits

from minigrad import LBFGS, MLP, ConjugateGradient, LogisticRegression, load_digits, train
from minigrad.second_order.lbfgs import Pair, two_loop
from minigrad.second_order.line_search import Trial, strong_wolfe

SEARCHING = {"CG": ConjugateGradient, "L-BFGS": LBFGS}
FIXED = {
    "same batch": lambda: LBFGS(3, learning_rate=0.3),
    "next batch": lambda: LBFGS(3, learning_rate=0.3, curvature_from="next batch"),
}
each_searching = pytest.mark.parametrize("make", SEARCHING.values(), ids=SEARCHING)
each_make = pytest.mark.parametrize("make", (SEARCHING | FIXED).values(), ids=SEARCHING | FIXED)


class Quadratic(LogisticRegression):
    """J = ½ θᵀAθ − bᵀθ whatever the data are, so that the answers are known."""

    def __init__(self, A, b, dtype="float64"):
        super().__init__(len(b) - 1, dtype=dtype)
        self.A, self.b_ = A.astype(dtype), b.astype(dtype)

    def loss(self, X, y=None):
        return float(0.5 * self.theta @ self.A @ self.theta - self.b_ @ self.theta)

    def gradient(self, X, y=None, out=None):
        out = np.empty_like(self.theta) if out is None else out
        out[...] = self.A @ self.theta - self.b_
        return out


def quadratic(p=6, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((p, p))
    model = Quadratic(A @ A.T + np.eye(p), rng.standard_normal(p), dtype)
    model.theta[:] = rng.standard_normal(p)
    return model, np.zeros((3, p - 1)), np.zeros(3, int)


def counted(model):
    """A list that gets the number of rows of each gradient the model computes from now on."""
    rows, inside = [], []

    def counting(compute):
        def count(X, *arguments, **keywords):
            if not inside:
                rows.append(len(X))
            inside.append(1)  # `loss_and_gradient` may call `gradient`
            try:
                return compute(X, *arguments, **keywords)
            finally:
                inside.pop()

        return count

    model.gradient, model.loss_and_gradient = map(counting, (model.gradient, model.loss_and_gradient))
    return rows


# ---- loops written out: every gradient computed anew, H as a matrix ----------------------------------------------


def inverse_hessian(pairs, p):
    """N&W (6.17) from γ times the identity, the oldest pair first."""
    s, dG = pairs[-1]
    H = (s @ dG) / (dG @ dG) * np.eye(p)
    for s, dG in pairs:
        rho = 1 / (s @ dG)
        V = np.eye(p) - rho * np.outer(dG, s)
        H = V.T @ H @ V + rho * np.outer(s, s)
    return H


def line_step(model, X, y, theta, d, J, G, alpha, c2):
    """α, by evaluations on fresh arrays."""

    def phi(alpha):
        model.theta[:] = theta + alpha * d
        J, gradient = model.loss_and_gradient(X, y)
        return J, gradient @ d

    return strong_wolfe(
        phi, Trial(0.0, J, float(d @ G)), alpha, c2=c2, rounding=10 * np.finfo(float).eps * abs(J)
    ).alpha


def plain_conjugate_gradient(model, batches):
    """Theta after each step."""
    thetas, memory = [], None
    for X, y in batches:
        theta = model.theta.copy()
        J, G = model.loss_and_gradient(X, y)
        d, alpha = -G, 1 / np.linalg.norm(G)
        if memory is not None:
            G_before, d_before, gain, age = memory
            beta = G @ (G - G_before) / (G_before @ G_before)
            if beta > 0 and age % len(G):
                d = -G + beta * d_before
            if d @ G > -0.01 * (G @ G):
                memory, d = None, -G
            else:
                alpha = gain / -(d @ G)
        alpha = line_step(model, X, y, theta, d, J, G, alpha, 0.4)
        memory = (G, d, -alpha * (d @ G), 1 if memory is None else memory[3] + 1) if alpha else None
        model.theta[:] = theta + alpha * d
        thetas.append(model.theta.copy())
    return thetas


def plain_lbfgs(model, batches, size=10):
    thetas, pairs = [], []
    for X, y in batches:
        theta = model.theta.copy()
        J, G = model.loss_and_gradient(X, y)
        d = -inverse_hessian(pairs, len(G)) @ G if pairs else -G
        alpha = line_step(model, X, y, theta, d, J, G, 1.0 if pairs else 1 / np.linalg.norm(G), 0.9)
        model.theta[:] = theta + alpha * d
        pairs = [*pairs, (model.theta - theta, model.gradient(X, y) - G)][-size:]
        thetas.append(model.theta.copy())
    return thetas


def plain_fixed(model, batches, rate, overlap, size):
    """(theta after each step, how many pairs were left out)."""
    thetas, pairs, skipped, last = [], [], 0, None

    def remember(s, dG):
        nonlocal pairs, skipped
        if s @ dG > 0:
            pairs = [*pairs, (s, dG)][-size:]
        else:
            skipped += 1

    for X, y in batches:
        theta, G = model.theta.copy(), model.gradient(X, y)
        if last and not overlap:
            remember(theta - last[0], G - last[1])
        model.theta[:] = theta - rate * (inverse_hessian(pairs, len(G)) @ G if pairs else G)
        if overlap:
            remember(model.theta - theta, model.gradient(X, y) - G)
        last = (theta, G)
        thetas.append(model.theta.copy())
    return thetas, skipped


# ---- the recursion -----------------------------------------------------------------------------------------------


@given(p=st.integers(1, 8), k=st.integers(0, 6), seed=st.integers(0, 2**32 - 1))
def test_the_two_loops_are_the_matrix_recursion(p, k, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((p, p))
    A = A @ A.T + np.eye(p)
    G, steps = rng.standard_normal(p), rng.standard_normal((k, p))
    pairs = [Pair(s, A @ s, 1 / float(s @ A @ s)) for s in steps]
    kept = G.copy()
    found = two_loop(G, pairs)
    assert np.array_equal(G, kept)
    H = inverse_hessian([(pair.s, pair.dG) for pair in pairs], p) if k else np.eye(p)
    assert_close(found, H @ G, 1e-8, scale=np.linalg.norm(H, 2) * np.linalg.norm(G))
    if k:
        assert_close(two_loop(pairs[-1].dG, pairs), pairs[-1].s, 1e-8)  # the secant equation, N&W (6.6)


# ---- one iteration -----------------------------------------------------------------------------------------------


def test_with_an_exact_line_search_conjugate_gradient_is_the_linear_one():
    """p steps solve a quadratic of p dimensions, N&W algorithm 5.2."""
    model, X, y = quadratic()
    optimizer = ConjugateGradient()
    optimizer.c2 = 1e-9
    x = model.theta.copy()
    r = model.A @ x - model.b_
    direction = -r
    for _ in range(6):
        alpha = r @ r / (direction @ model.A @ direction)
        x = x + alpha * direction
        r_next = r + alpha * model.A @ direction
        direction = -r_next + r_next @ r_next / (r @ r) * direction
        r = r_next
        optimizer.step(model, X, y)
        assert_close(model.theta, x, 1e-6)
    assert_close(model.theta, np.linalg.solve(model.A, model.b_), 1e-6)


def batches_of(problem, kind):
    """What one optimizer is given, step by step."""
    X, y = problem.X, problem.y
    if kind == "full":
        return [(X, y)] * 8
    parts = [(X[rows], y[rows]) for rows in np.random.default_rng(4).integers(0, len(X), (12, 6))]
    return parts if kind == "small" else [*parts[:2], parts[1], parts[1], (X, y), (X, y), parts[3], parts[3]]


@each_shape
@pytest.mark.parametrize("kind", ["full", "small", "mixed"])
@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize("name", SEARCHING)
def test_steps_are_the_loop_written_out(shape, kind, buffered, name):
    """Also where every batch comes in the same buffer, so that the arrays are the same and the data are not."""
    problem, plain = make_problem(**shape, m=40), make_problem(**shape, m=40)
    batches = batches_of(problem, kind)
    loop = {"CG": plain_conjugate_gradient, "L-BFGS": plain_lbfgs}[name]
    expected = loop(plain.model, batches)
    optimizer, model = SEARCHING[name](), problem.model
    X_buffer, y_buffer = problem.X.copy(), problem.y.copy()
    rows = counted(model)
    for (X, y), theta in zip(batches, expected):
        if buffered:
            X_buffer[: len(X)], y_buffer[: len(X)] = X, y
            X, y = X_buffer[: len(X)], y_buffer[: len(X)]
        rows.clear()
        used = optimizer.step(model, X, y)
        assert used == sum(rows)
        assert isinstance(used, int)
        assert_close(model.theta, theta, 1e-6, scale=max(1.0, abs(theta).max()))


@pytest.mark.parametrize("kind", ["full", "small", "mixed"])
@each_shape
@pytest.mark.parametrize("overlap", [True, False])
def test_steps_of_fixed_length_are_the_loop_written_out(shape, kind, overlap):
    problem, plain = make_problem(**shape, m=40), make_problem(**shape, m=40)
    batches = batches_of(problem, kind)
    expected, skipped = plain_fixed(plain.model, batches, 0.2, overlap, 3)
    optimizer = LBFGS(3, learning_rate=0.2, curvature_from="same batch" if overlap else "next batch")
    for (X, y), theta in zip(batches, expected):
        assert optimizer.step(problem.model, X, y) == (2 if overlap else 1) * len(X)
        assert_close(problem.model.theta, theta, 1e-6, scale=max(1.0, abs(theta).max()))
    assert optimizer.skipped == skipped
    assert len(optimizer.pairs) <= 3


def test_the_skipped_pairs_are_counted_and_leave_gradient_descent():
    """Where J curves downwards everywhere no pair is of use."""
    for name, pairs in (("same batch", 5), ("next batch", 4)):
        model, X, y = quadratic()
        model.A[...] = -model.A
        optimizer, theta = LBFGS(learning_rate=0.01, curvature_from=name), model.theta.copy()
        for _ in range(5):
            optimizer.step(model, X, y)
            theta -= 0.01 * (model.A @ theta - model.b_)
        assert_close(model.theta, theta)
        assert (optimizer.skipped, len(optimizer.pairs)) == (pairs, 0)


def test_next_batch_pairs_hold_the_noise_of_two_batches():
    """What the choice is for: as the step shrinks dG of the same batch shrinks too, that of two batches does not."""
    sizes = {}
    for name in ("same batch", "next batch"):
        for rate in (1e-2, 1e-6):
            problem = make_problem("logistic", m=40)
            optimizer = LBFGS(learning_rate=rate, curvature_from=name)
            for X, y in ((problem.X[:20], problem.y[:20]), (problem.X[20:], problem.y[20:])):
                optimizer.pairs.clear()
                with pytest.MonkeyPatch.context() as patch:
                    kept = []
                    patch.setattr(optimizer, "_remember", lambda s, dG, kept=kept: kept.append((s, dG)))
                    optimizer.step(problem.model, X, y)
            (s, dG) = kept[0]
            sizes[name, rate] = np.linalg.norm(dG) / np.linalg.norm(s)
    assert sizes["same batch", 1e-6] == pytest.approx(sizes["same batch", 1e-2], rel=0.1)
    assert sizes["next batch", 1e-6] > 1000 * sizes["next batch", 1e-2]


@each_searching
@each_shape
def test_each_accepted_step_fulfils_the_strong_wolfe_conditions(make, shape):
    problem = make_problem(**shape, m=40)
    model, optimizer = problem.model, make()
    c2 = 0.4 if make is ConjugateGradient else 0.9
    for X, y in batches_of(problem, "mixed"):
        start = model.theta.copy()
        J, G = model.loss_and_gradient(X, y)
        optimizer.step(model, X, y)
        J_new, G_new = model.loss_and_gradient(X, y)
        s = model.theta - start
        assert s @ G < 0
        assert J_new <= J + 1e-4 * (s @ G)
        assert abs(s @ G_new) <= c2 * abs(s @ G) * (1 + 1e-9)
        if make is LBFGS:
            assert_close(optimizer.pairs[-1].s, s)
            assert_close(optimizer.pairs[-1].dG, G_new - G, 1e-9)


def along(s, G):
    """The cosine between a step and −G."""
    return -(s @ G) / (np.linalg.norm(s) * np.linalg.norm(G))


def test_conjugate_gradient_gives_up_a_direction_that_leads_uphill():
    model, X, y = quadratic()
    optimizer = ConjugateGradient()
    optimizer.step(model, X, y)
    G, start = model.gradient(X, y), model.theta.copy()
    _, _, G_before, d = optimizer._memory
    d[...] = 1e3 * G
    G_before[...] = 0  # so that β is not
    optimizer.step(model, X, y)
    assert along(model.theta - start, G) == pytest.approx(1, abs=1e-12)


def test_conjugate_gradient_starts_again_after_p_steps():
    problem = make_problem("logistic", n=2, m=60, seed=1)
    model, optimizer, cosines = problem.model, ConjugateGradient(), []
    for _ in range(7):
        G, start = model.gradient(problem.X, problem.y), model.theta.copy()
        optimizer.step(model, problem.X, problem.y)
        cosines.append(along(model.theta - start, G))
    assert cosines[::3] == pytest.approx([1, 1, 1], abs=1e-6)
    assert max(cosines[1], cosines[4]) < 0.999


# ---- which gradient is at hand -----------------------------------------------------------------------------------


@each_searching
def test_on_the_same_data_the_gradient_is_not_computed_again(make):
    problem = make_problem(hidden=(3,), m=20)
    model, optimizer = problem.model, make()
    rows = counted(model)
    optimizer.step(model, problem.X, problem.y)
    first = len(rows)
    rows.clear()
    assert optimizer.step(model, problem.X.copy(), problem.y.copy()) == sum(rows)
    evaluations = len(rows)
    rows.clear()
    model.theta += 0.01  # moved by somebody else
    optimizer.step(model, problem.X, problem.y)
    assert first >= 2
    assert evaluations >= 1
    assert len(rows) >= 2


@each_searching
@pytest.mark.parametrize("changed", ["X", "y", "theta", "rows"])
def test_whatever_has_changed_the_gradient_is_that_of_now(make, changed):
    """An optimizer that has just been here, and one whose memory of that is wiped, go the same way."""
    thetas = []
    for forgets in (False, True):
        problem = make_problem(hidden=(3,), m=20)
        model, X, y = problem.model, problem.X, problem.y
        optimizer = make()
        optimizer.step(model, X, y)
        if changed == "X":
            X[7, 2] += 1e-3
        elif changed == "y":
            y[3] = 1 - y[3]
        elif changed == "theta":
            model.theta[1] += 1e-3
        else:
            X, y = X[:-1], y[:-1]
        if forgets:
            optimizer._known = ()
        rows = counted(model)
        assert optimizer.step(model, X, y) == sum(rows)
        thetas.append(model.theta.copy())
        assert len(rows) >= 2
    assert np.array_equal(*thetas)


@each_searching
@pytest.mark.parametrize(("at", "rows"), [(1, 20), (1, 5), (2, 5), (3, 20)])
def test_an_interrupted_step_leaves_theta_and_the_next_starts_afresh(make, at, rows):
    """Whatever half a gradient it has left behind."""
    problem = make_problem(hidden=(3,), m=20)
    model, X, y, optimizer = problem.model, problem.X, problem.y, make()
    optimizer.step(model, X, y)
    compute, calls = model.loss_and_gradient, []

    def interrupted(*arguments, out, **keywords):
        calls.append(1)
        out[...] = 7.0
        if len(calls) == at:
            raise KeyboardInterrupt
        return (math.inf, out) if rows == 20 else compute(*arguments, out=out, **keywords)  # inf: so that it goes on

    before, (loss, G) = model.theta.copy(), model.loss_and_gradient(X, y)
    model.loss_and_gradient = interrupted
    with pytest.raises(KeyboardInterrupt):
        optimizer.step(model, X[:rows], y[:rows])
    model.loss_and_gradient = compute
    assert np.array_equal(model.theta, before)
    optimizer.step(model, X, y)
    assert model.loss(X, y) < loss
    if make is ConjugateGradient and (at, rows) != (1, 5):  # that one did not come to the search
        assert along(model.theta - before, G) == pytest.approx(1, abs=1e-12)


# ---- at the edges ------------------------------------------------------------------------------------------------


@each_make
def test_where_the_gradient_is_zero_nothing_happens(make):
    model = LogisticRegression(3)
    X, y = np.zeros((4, 3)), np.array([0, 1, 0, 1])
    optimizer = make()
    for _ in range(3):
        assert optimizer.step(model, X, y) in (0, 4, 8)
        assert not model.theta.any()


@each_searching
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_at_an_optimum_it_ends_quietly(make, dtype, scale):
    model, X, y = quadratic(dtype=dtype)
    model.A *= scale
    model.b_ *= scale
    optimum = np.linalg.solve(model.A.astype(float), model.b_.astype(float))
    least = -0.5 * model.b_ @ optimum
    optimizer = make()
    for _ in range(60):
        used = optimizer.step(model, X, y)
        assert 0 <= used <= 66
    eps = np.finfo(dtype).eps
    assert_close(model.theta, optimum, 30 * math.sqrt(eps) if dtype == "float32" else 1e-9)
    reached = model.loss(X, y)
    assert abs(reached - least) <= 100 * eps * abs(least)


@each_searching
def test_at_the_floor_of_a_logistic_problem_it_stays(make):
    """Rounding decides there, and no step may make the loss worse than by rounding."""
    problem = make_problem("logistic", m=60, seed=3)
    optimizer, losses = make(), []
    for _ in range(80):
        optimizer.step(problem.model, problem.X, problem.y)
        losses.append(problem.model.loss(problem.X, problem.y))
    assert abs(problem.model.gradient(problem.X, problem.y)).max() < 1e-11
    assert np.diff(losses).max() < 1e-14


@each_searching
def test_separable_data_are_followed_without_end_and_without_a_warning(make):
    X, y = np.array([[-1.0], [-2.0], [1.0], [3.0]]), np.array([0, 0, 1, 1])
    model, optimizer = LogisticRegression(1), make()
    for _ in range(100):
        optimizer.step(model, X, y)
    assert model.loss(X, y) < 1e-12
    assert np.isfinite(model.theta).all()


@each_searching
@pytest.mark.parametrize("beyond", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_shortens_the_step(make, beyond):
    class Bounded(Quadratic):
        def loss(self, X, y=None):
            return beyond if abs(self.theta).max() > 2 else super().loss(X, y)

        def gradient(self, X, y=None, out=None):
            out = super().gradient(X, y, out)
            if abs(self.theta).max() > 2:
                out[...] = beyond
            return out

    model, X, y = quadratic()
    bounded = Bounded(1e-6 * model.A, 1e-6 * model.b_)  # so flat that the first step would be long
    bounded.theta[:] = 1.9
    optimizer = make()
    for _ in range(40):
        optimizer.step(bounded, X, y)
        assert abs(bounded.theta).max() <= 2
    assert_close(bounded.theta, np.linalg.solve(model.A, model.b_), 1e-6)


@each_searching
def test_a_search_that_gives_up_leaves_the_best_point_and_its_gradient(make):
    """J falls towards a cliff, and is nowhere flat."""

    class Cliff(Quadratic):
        def loss(self, X, y=None):
            return 2.0 if self.theta[0] > 1 else -float(self.b_ @ self.theta)

        def gradient(self, X, y=None, out=None):
            out = np.empty_like(self.theta) if out is None else out
            out[...] = -self.b_
            return out

    model = Cliff(np.eye(2), np.array([1.0, 0.0]))
    optimizer, X, y = make(), np.zeros((1, 1)), np.zeros(1, int)
    for _ in range(3):
        optimizer.step(model, X, y)
        assert model.loss_and_gradient(X, y)[0] == optimizer._J
    assert model.theta == pytest.approx([1, 0])
    assert model.loss_and_gradient(X, y)[0] == pytest.approx(-1)


@each_searching
def test_a_search_that_finds_nothing_leaves_theta_and_forgets_the_rest(make):
    """A loss that rises whatever is done; then one that is as it was."""
    problem = make_problem(hidden=(3,), m=20)
    model, X, y, optimizer = problem.model, problem.X, problem.y, make()
    for _ in range(3):
        optimizer.step(model, X, y)
    before, G, compute = model.theta.copy(), model.gradient(X, y), model.loss_and_gradient

    def higher(*arguments, **keywords):
        loss, gradient = compute(*arguments, **keywords)
        return loss + 1, gradient

    model.loss_and_gradient = higher
    assert optimizer.step(model, X, y) > 0
    model.loss_and_gradient = compute
    assert np.array_equal(model.theta, before)
    optimizer.step(model, X, y)
    assert along(model.theta - before, G) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("name", "value"), [("_gain", 1e308), ("_square_norm_before", 1e-320), ("_square_norm_before", 1e-306)]
)
def test_a_batch_out_of_all_proportion_to_the_last_does_no_harm(dtype, name, value):
    """α or β beyond all numbers: no warning, and no step that makes J worse."""
    problem = make_problem("logistic", m=20, dtype=dtype)
    model, X, y, optimizer = problem.model, problem.X, problem.y, ConjugateGradient()
    losses = []
    for _ in range(6):
        optimizer.step(model, X, y)
        setattr(optimizer, name, value)
        losses.append(model.loss(X, y))
    assert (np.diff(losses) <= 0).all()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("s", "dG", "kept"),
    [
        ([1, 0], [1e-3, 1], True),
        ([1, 0], [1e-17, 1], False),  # positive, but by rounding as likely negative
        ([1, 0], [-1e-3, 1], False),
        ([0, 0], [1, 1], False),
        ([1e-170, 0], [1e-170, 0], False),  # dG·dG is 0
        ([math.inf, 1], [1, 1], False),
        ([1, 1], [math.nan, 1], False),
    ],
)
def test_a_pair_is_kept_where_the_curvature_is_surely_positive(s, dG, kept):
    optimizer = LBFGS()
    optimizer._remember(np.array(s, float), np.array(dG, float))
    assert (len(optimizer.pairs), optimizer.skipped) == ((1, 0) if kept else (0, 1))


@each_make
def test_a_model_that_has_diverged_is_left_as_it_is(make):
    problem = make_problem("logistic")
    for value in (math.nan, math.inf):
        problem.model.theta[:] = value
        optimizer = make()
        with np.errstate(invalid="ignore"):
            for _ in range(3):
                optimizer.step(problem.model, problem.X, problem.y)
        assert not np.isfinite(problem.model.theta).any()


@each_make
@each_shape
def test_float32_stays_float32(make, shape):
    problem = make_problem(**shape, m=30, dtype="float32")
    model, optimizer = problem.model, make()
    live, before = model.theta, model.loss(problem.X, problem.y)
    for _ in range(10):
        optimizer.step(model, problem.X, problem.y)
    assert model.theta is live
    assert model.loss(problem.X, problem.y) < before
    arrays = [each for each in vars(optimizer).values() if isinstance(each, np.ndarray)]
    arrays += [array for pair in getattr(optimizer, "pairs", ()) for array in pair[:2]]
    assert {array.dtype for array in arrays} == {np.dtype("float32")}


def test_what_does_not_fit_into_float32_does_no_harm():
    """Curvatures whose squares are below the smallest number, or above the greatest."""
    for scale in (1e-24, 1e-18, 1e12):
        model, X, y = quadratic(dtype="float32")
        model.A *= np.float32(scale)
        model.b_ *= np.float32(scale)
        for optimizer in (LBFGS(), ConjugateGradient()):
            for _ in range(20):
                optimizer.step(model, X, y)
            assert np.isfinite(model.theta).all()


# ---- training ----------------------------------------------------------------------------------------------------


@each_make
@pytest.mark.parametrize("batch_size", [8, 40])
@pytest.mark.parametrize("shuffled", [True, False])
def test_training_takes_the_same_steps_and_counts_every_gradient(make, batch_size, shuffled):
    """`train` gathers each batch into one buffer; the loop gives a copy of its own to an optimizer that forgets."""
    trained, looped = make_problem(hidden=(4,), outputs=3, m=40), make_problem(hidden=(4,), outputs=3, m=40)
    optimizer, total = make(), 0
    rows = counted(trained.model)
    history = train(
        trained.model,
        trained.X,
        trained.y,
        optimizer=make(),
        batch_size=batch_size,
        epochs=3,
        rng=np.random.default_rng(2),
        shuffle=shuffled,
    )
    rng = np.random.default_rng(2)
    for _ in range(3):
        order = rng.permutation(40) if shuffled and batch_size < 40 else np.arange(40)
        for start in range(0, 40, batch_size):
            batch = order[start : start + batch_size]
            total += optimizer.step(looped.model, looped.X[batch], looped.y[batch])
            if batch_size < 40:
                optimizer._known = ()
    assert_close(trained.model.theta, looped.model.theta, 1e-9)
    assert history.samples[-1] == total == sum(rows)
    assert history.updates[-1] == 3 * 40 // batch_size


@each_searching
def test_training_on_the_full_batch_lowers_the_loss_at_every_step(make, digits):
    model = MLP((64, 8, 10), activation="tanh")
    history = train(model, digits.X_train, digits.y_train, optimizer=make(), batch_size=120, epochs=20)
    assert (np.diff(history.loss) < 0).all()
    assert history.loss[-1] < 0.1
    assert (np.diff(history.samples) % 120 == 0).all()
    assert history.samples[-1] < 3 * 20 * 120


# ---- SciPy -------------------------------------------------------------------------------------------------------


def way_of_scipy(model, X, y, method, tolerance, target):
    """(evaluations, J, largest entry of G) after each evaluation of SciPy's method, until one is small enough."""
    way = []

    def loss_and_gradient(theta):
        model.theta[:] = theta
        loss, G = model.loss_and_gradient(X, y)
        way.append((len(way) + 1, loss, abs(G).max()))
        if loss <= target:
            raise StopIteration
        return loss, G

    options = {"gtol": tolerance, "maxiter": 5000} | ({} if method == "CG" else {"ftol": 0, "maxcor": 10})
    with contextlib.suppress(StopIteration):
        scipy.optimize.minimize(loss_and_gradient, model.theta.copy(), jac=True, method=method, options=options)
    return way


def way_of_ours(model, X, y, optimizer, tolerance, target):
    """The same after each step."""
    way, rows = [], counted(model)
    while len(rows) < 5000:
        optimizer.step(model, X, y)
        evaluations = len(rows)
        loss, G = model.loss_and_gradient(X, y)
        rows.pop()
        way.append((evaluations, loss, abs(G).max()))
        if loss <= target or way[-1][2] <= tolerance:
            break
    return way


@pytest.mark.parametrize(("method", "make"), [("CG", ConjugateGradient), ("L-BFGS-B", LBFGS)])
@pytest.mark.parametrize("kind", ["logistic", "MLP"])
@threadpool_limits.wrap(
    limits=1
)  # NumPy's BLAS and SciPy's own keep two sets of threads, which here fight for the cores
def test_evaluations_and_final_loss_against_scipy(method, make, kind):
    """At most 1.5 times SciPy's evaluations: to the same gradient where J is convex, else to the same loss."""
    data = load_digits()
    X, y = data.X_train, (data.y_train % 2 if kind == "logistic" else data.y_train)
    column, goals = (2, (1e-3, 1e-4, 1e-5)) if kind == "logistic" else (1, (0.1, 0.01, 0.001))
    tolerance, target = (goals[-1], -1.0) if kind == "logistic" else (1e-12, goals[-1])
    ratios, ends = {goal: [] for goal in goals}, []
    for seed in range(5):
        ways = []
        for go, how in ((way_of_ours, make()), (way_of_scipy, method)):
            rng = np.random.default_rng(seed)
            logistic = kind == "logistic"
            model = LogisticRegression(64, rng=rng) if logistic else MLP((64, 32, 10), activation="tanh", rng=rng)
            ways.append(go(model, X, y, how, tolerance, target))
        for goal in goals:
            here, there = (next(row[0] for row in way if row[column] <= goal) for way in ways)
            ratios[goal].append(here / there)
            print(f"{method}, {kind}, seed {seed}, to {goal:g}: {here} evaluations, SciPy {there}")
        ends.append([way[-1][1] for way in ways])
    medians = {goal: float(np.median(values)) for goal, values in ratios.items()}
    print(f"{method}, {kind}: median ratios {medians}, greatest {max(map(max, ratios.values())):.2f}")
    assert max(medians.values()) <= 1.5
    if kind == "logistic":  # the one minimum, as close as the tolerance brings it
        assert_close(*np.transpose(ends), 1e-4)


# ---- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "fragments"),
    [
        (lambda: LBFGS(0), ("memory", "0")),
        (lambda: LBFGS(2.5), ("memory", "2.5")),
        (lambda: LBFGS(learning_rate=0), ("learning_rate", "0")),
        (lambda: LBFGS(learning_rate=math.nan), ("learning_rate", "nan")),
        (lambda: LBFGS(learning_rate=0.1, curvature_from="both"), ("curvature_from", "'both'", "'next batch'")),
        (lambda: LBFGS(curvature_from="next batch"), ("curvature_from", "'next batch'", "learning_rate")),
    ],
)
def test_arguments_outside_their_range_are_refused(make, fragments):
    with refused(*fragments, kind=ValueError):
        make()


@each_make
def test_an_optimizer_is_for_one_model_and_for_good_data(make):
    problem = make_problem(n=3)
    optimizer = make()
    optimizer.step(problem.model, problem.X, problem.y)
    for other in (make_problem(n=4), make_problem(n=3, dtype="float32")):
        before = other.theta
        with refused("one optimizer per model", kind=ValueError):
            optimizer.step(other.model, other.X, other.y)
        assert np.array_equal(other.theta, before)
    before = problem.theta
    with refused("nan", kind=ValueError):
        optimizer.step(problem.model, problem.X * math.nan, problem.y)
    with refused("step(model, X, y)", type(optimizer).__name__, kind=TypeError):
        optimizer.update(problem.model.theta, problem.model.theta)
    assert np.array_equal(problem.theta, before)

"""Each optimizer against its paper's formula, written with one Python float at a time."""

import copy
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_close, each_shape, make_problem, plain_gradient, problems, refused

from minigrad import LBFGS, MLP, SGD, Adagrad, Adam, ConjugateGradient
from minigrad.engine.threads import libraries
from minigrad.optimizers import Optimizer

# ---- the formulas, entry by entry: θ after each of a sequence of gradients ---------------------------------------


def sgd(theta, gradients, rate, momentum=0.0):
    v = 0.0
    for g in gradients:
        v = momentum * v + g
        theta = theta - rate * v
    return theta


def adagrad(theta, gradients, rate):
    total = 0.0
    for g in gradients:
        total += g**2
        theta = theta - rate * g / (math.sqrt(total) + 1e-10)
    return theta


def adam(theta, gradients, rate, beta1=0.9, beta2=0.999):
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - rate * m_hat / (math.sqrt(v_hat) + 1e-8)
    return theta


CASES = {
    "SGD": (lambda: SGD(0.3), lambda theta, gradients: sgd(theta, gradients, 0.3)),
    "momentum": (lambda: SGD(0.3, momentum=0.8), lambda theta, gradients: sgd(theta, gradients, 0.3, 0.8)),
    "Adagrad": (lambda: Adagrad(0.2), lambda theta, gradients: adagrad(theta, gradients, 0.2)),
    "Adam": (lambda: Adam(0.05), lambda theta, gradients: adam(theta, gradients, 0.05)),
    "Adam with its betas": (
        lambda: Adam(0.05, beta1=0.5, beta2=0.7),
        lambda theta, gradients: adam(theta, gradients, 0.05, 0.5, 0.7),
    ),
    "Adam without memory": (
        lambda: Adam(0.05, beta1=0, beta2=0),
        lambda theta, gradients: adam(theta, gradients, 0.05, 0, 0),
    ),
}
each_case = pytest.mark.parametrize(("make", "formula"), CASES.values(), ids=CASES.keys())
each_optimizer = pytest.mark.parametrize("make", [make for make, _ in CASES.values()], ids=CASES.keys())


@each_case
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layout", ["contiguous", "strided"])
def test_updates_follow_the_formula_and_leave_the_gradient(make, formula, dtype, layout):
    rng = np.random.default_rng(0)
    start = rng.standard_normal(5).astype(dtype)
    gradients = (rng.standard_normal((8, 5)) * [1e-6, 1, 1, 1e3, 1]).astype(dtype)
    gradients[2, 2], gradients[:, 4] = 0, 0
    theta = start.copy() if layout == "contiguous" else np.repeat(start, 2)[::2]
    optimizer = make()
    for gradient in gradients:
        kept = gradient.copy()
        assert optimizer.update(theta, gradient) is None
        assert np.array_equal(gradient, kept)
    expected = [formula(float(t), [float(g) for g in column]) for t, column in zip(start, gradients.T)]
    np.testing.assert_allclose(theta, expected, rtol=1e-12 if dtype == "float64" else 1e-5)
    assert theta[4] == start[4]  # a gradient that is always zero moves nothing, and divides nothing by zero
    state = {name: array for name, array in vars(optimizer).items() if isinstance(array, np.ndarray)}
    assert all(array.dtype == dtype for array in state.values()), state


@each_case
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 12), log_scale=st.floats(-4, 4))
def test_updates_follow_the_formula_for_gradients_of_any_size(make, formula, seed, steps, log_scale):
    rng = np.random.default_rng(seed)
    gradients = rng.standard_normal((steps, 3)) * 10**log_scale
    theta = np.zeros(3)
    optimizer = make()
    for gradient in gradients:
        optimizer.update(theta, gradient)
    expected = [formula(0.0, [float(g) for g in column]) for column in gradients.T]
    assert_close(theta, expected, 1e-11, abs(np.array(expected)).max() + 0.05)  # steps may cancel to nothing


@each_case
@each_shape
def test_a_step_is_the_formula_on_the_gradient_written_out(make, formula, shape):
    problem = make_problem(**shape, m=6)
    model, X, y = problem.model, problem.X, problem.y
    optimizer, start, gradients = make(), problem.theta, []
    for rows in (slice(0, 6), slice(0, 1), slice(2, 5)):
        gradients.append(plain_gradient(problem.theta, *problem.shape, X[rows], y[rows]))
        assert optimizer.step(model, X[rows], y[rows]) == rows.stop - rows.start
    expected = [formula(float(t), [float(g) for g in column]) for t, column in zip(start, np.array(gradients).T)]
    assert_close(model.theta, expected, 1e-9)


@each_optimizer
def test_defaults_lower_the_loss(make):
    problem = make_problem(hidden=(4,), outputs=3, m=30, seed=2)
    optimizer = type(make())()
    before = problem.model.loss(problem.X, problem.y)
    for _ in range(30):
        optimizer.step(problem.model, problem.X, problem.y)
    assert problem.model.loss(problem.X, problem.y) < before


@given(problems(dtypes=("float64", "float32")))
def test_a_step_keeps_the_dtype_of_theta_and_state(problem):
    model = problem.model
    for make, _ in CASES.values():
        optimizer = make()
        live = model.theta
        optimizer.step(model, problem.X, problem.y)
        optimizer.step(model, problem.X, problem.y)
        assert model.theta is live
        assert live.dtype == model.dtype
        assert {array.dtype for array in (model.theta, *optimizer._memory)} == {model.dtype}


@pytest.mark.parametrize("make", [make for name, (make, _) in CASES.items() if name != "SGD"])
def test_an_optimizer_with_a_memory_is_for_one_size_and_dtype_of_theta(make):
    for other in (np.zeros(4), np.zeros(3, np.float32)):
        optimizer = make()
        optimizer.update(np.zeros(3), np.ones(3))
        before = other.copy()
        with refused(str(other.shape), kind=ValueError):
            optimizer.update(other, np.ones_like(other))
        assert np.array_equal(other, before)


def test_plain_sgd_has_no_memory_and_serves_any_model():
    optimizer = SGD(0.1)
    for shape in ({"n": 3}, {"n": 5}, {"n": 5, "dtype": "float32"}, {"n": 5, "outputs": 3}):
        problem = make_problem(**shape)
        expected = problem.model.theta - np.float32(0.1) * problem.model.gradient(problem.X, problem.y)
        optimizer.step(problem.model, problem.X, problem.y)
        assert_close(problem.model.theta, expected, 1e-6)
    theta = np.zeros(7)
    optimizer.update(theta, np.ones(7))
    assert theta.tolist() == [-0.1] * 7


@each_optimizer
@pytest.mark.parametrize("length", [4, 6])
def test_a_gradient_of_another_length_than_theta_is_refused(make, length):
    theta = np.zeros(5)
    with refused(kind=ValueError):
        make().update(theta, np.ones(length))
    assert not theta.any()


@each_optimizer
@pytest.mark.parametrize("length", [1, 4, 6])
def test_a_gradient_of_another_length_is_refused_and_changes_nothing(make, length):
    """A single number, too, though NumPy would spread it over theta."""
    theta, optimizer = np.arange(5.0), make()
    with refused(f"({length},)", "(5,)", kind=ValueError):
        optimizer.update(theta, np.ones(length))
    assert theta.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("make", [lambda: SGD(0.1, momentum=0.5), Adagrad, Adam])
def test_an_optimizer_that_has_served_one_model_refuses_another_of_the_same_shape(make):
    optimizer, problem, other = make(), make_problem(hidden=(3,)), make_problem(hidden=(3,), seed=1)
    optimizer.step(problem.model, problem.X, problem.y)
    before = other.theta
    with refused("one optimizer per model", type(optimizer).__name__, kind=ValueError):
        optimizer.step(other.model, other.X, other.y)
    assert np.array_equal(other.theta, before)
    optimizer.step(problem.model, problem.X, problem.y)
    copied = copy.deepcopy(optimizer)  # serves a copy of its model
    copied.step(copy.deepcopy(problem.model), problem.X, problem.y)
    with refused("one optimizer per model", kind=ValueError):
        copied.step(problem.model, problem.X, problem.y)


def test_the_scale_is_what_an_update_multiplies_a_gradient_by():
    """Adagrad: a step is −η scale ∘ G. Adam without momentum (β₁ = 0): the same. SGD scales nothing."""
    for optimizer in (Adagrad(0.1), Adam(0.1, beta1=0)):
        assert optimizer.scale() is None
        problem = make_problem(n=5)
        for _ in range(3):
            before = problem.model.theta.copy()
            gradient = problem.model.gradient(problem.X, problem.y)
            optimizer.step(problem.model, problem.X, problem.y)
            assert_close(problem.model.theta, before - 0.1 * optimizer.scale() * gradient, 1e-12)
    for optimizer in (SGD(0.1), SGD(0.1, momentum=0.9)):
        optimizer.step(problem.model, problem.X, problem.y)
        assert optimizer.scale() is None


def test_an_update_that_makes_a_new_array_is_warned_of_once():
    class Slip(Optimizer):
        def update(self, theta, gradient):
            theta = theta - 0.1 * gradient

    class Good(Optimizer):
        def update(self, theta, gradient):
            theta -= 0.1 * gradient

    problem, optimizer = make_problem(), Slip()
    with pytest.warns(UserWarning, match="Slip.update left theta as it was"):
        optimizer.step(problem.model, problem.X, problem.y)
    optimizer.step(problem.model, problem.X, problem.y)  # warnings are errors here
    good, plain = make_problem(), make_problem()
    for _ in range(3):
        Good().step(good.model, good.X, good.y)
        SGD(0.1).step(plain.model, plain.X, plain.y)
    assert_close(good.model.theta, plain.model.theta)


@pytest.mark.parametrize(
    ("optimizer", "text"),
    [
        (SGD(0.5), "SGD(learning_rate=0.5, momentum=0.0)"),
        (Adagrad(), "Adagrad(learning_rate=0.01)"),
        (Adam(0.1), "Adam(learning_rate=0.1, beta1=0.9, beta2=0.999)"),
        (LBFGS(3), "LBFGS(memory=3, learning_rate=None, curvature_from='same batch')"),
        (ConjugateGradient(), "ConjugateGradient()"),
    ],
)
def test_an_optimizer_shows_its_arguments(optimizer, text):
    assert repr(optimizer) == text


def test_an_optimizer_must_say_how_it_updates():
    class Half(Optimizer):
        pass

    with pytest.raises(NotImplementedError, match="Half must"):
        Half().update(np.zeros(1), np.zeros(1))


@pytest.mark.parametrize("make", [make for make, _ in list(CASES.values())[:4]], ids=list(CASES)[:4])
@pytest.mark.parametrize("outputs", [1, 10])
def test_a_step_allocates_nothing_of_the_size_of_its_batch_or_of_theta(make, outputs):
    rng = np.random.default_rng(0)
    model = MLP((784, 100, outputs))
    batch = model.batch(rng.standard_normal((128, 784)), rng.integers(0, max(2, outputs), 128))
    optimizer = make()
    libraries()  # found once a process
    for rows in (128, 100, 128):
        optimizer.step(model, batch[:rows])
    tracemalloc.start()
    try:
        for rows in range(128, 28, -1):  # of many sizes
            optimizer.step(model, batch[:rows])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < min(batch.X.nbytes, model.theta.nbytes) / 4

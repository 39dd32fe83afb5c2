"""Check the formulas of theory-matrix.md against simulated steps; prints one line a formula.

    python docs/check_theory_matrix.py

Each line ends in the section of theory-matrix.md that it belongs to; an AssertionError names a
formula that does not hold.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, linprog, minimize, minimize_scalar

from elinvar.sensing import HeteroSGD, Momentum, SensingProblem, solve
from elinvar.theory import (
    burst_exponent,
    convergence_steps,
    critical_batch_size,
    critical_environments,
    critical_heterogeneity,
    critical_normalised_step,
    critical_speed,
    drift_peak,
    escape_steps,
    free_growth_exponent,
    growth_exponent,
    heterogeneity_window,
    law_growth_exponent,
    matrix_growth_exponent,
    momentum_growth_exponent,
    noise_floor,
    predict_outcome,
    reused_data_error,
    start_amplitudes,
    step_limits,
    tilt_response,
    width_window,
)

Array = NDArray[np.float64]


def two_point(heterogeneity: float, **keywords: object) -> SensingProblem:
    settings = {"dim": 30, "invariant_rank": 2, "spurious_rank": 2, "rng": 0, **keywords}
    return SensingProblem.two_point(heterogeneity=heterogeneity, **settings)


def laws() -> None:
    """Exponents and spreads of smooth laws against ten million draws; their windows."""
    rng = np.random.default_rng(0)
    for law, deviate in (
        ("uniform", rng.uniform(-1, 1, 10**7)),
        ("cosine", np.cos(2 * np.pi * rng.uniform(size=10**7))),
        ("gaussian", rng.normal(size=10**7)),
    ):
        drawn = np.log(np.abs(1 + 0.1 * (1 + 6 * deviate)))
        found = law_growth_exponent(6, 0.1, law=law)
        lowest = minimize_scalar(
            lambda t: law_growth_exponent(t, 1.0, law=law, mean=0.0).exponent,  # noqa: B023
            bounds=(0.1, 5), method="bounded",
        ).fun  # fmt: skip
        print(
            f"{law}: exponent {found.exponent:.4f} (draws {drawn.mean():.4f}), spread "
            f"{found.spread:.3f} ({drawn.std():.3f}), lowest g {lowest:.3f}, window "
            f"{heterogeneity_window(0.1, law=law)}   [2, 3, 11]"
        )
        assert abs(found.exponent - drawn.mean()) < 1e-3
        assert abs(found.spread - drawn.std()) < 2e-3


def diverged(values: Array, step: float, *, steps: int = 1500, runs: int = 1000) -> float:
    """Share of runs of u <- u (1 + eta (s - u^2)) from .001 that diverge."""
    rng, u = np.random.default_rng(1), np.full(runs, 1e-3)
    gone = np.zeros(runs, dtype=bool)
    for _ in range(steps):
        u = np.where(gone, 0.0, u * (1 + step * (rng.choice(values, runs) - u**2)))
        gone |= np.abs(u) > 1e3
    return float(gone.mean())


def bounded() -> None:
    """Below the bounded line no run diverges; above it all do where the exponent is positive."""
    for step in (0.05, 0.1, 0.2, 0.4):
        line = brentq(
            lambda m: step_limits([1.0], [1 + m, 1 - m]).bounded - step,  # noqa: B023
            0.5, 40,
        )  # fmt: skip
        shares = [diverged(np.array([1 + f * line, 1 - f * line]), step) for f in (0.97, 1.04, 1.4)]
        rate = growth_exponent([1 + 1.04 * line, 1 - 1.04 * line], step)
        print(
            f"eta {step}: bounded below M = {line:.2f}; diverged at .97 / 1.04 / 1.4 times that: "
            f"{100 * shares[0]:.1f} / {100 * shares[1]:.1f} / {100 * shares[2]:.1f}% "
            f"(exponent at 1.04: {rate:.3f})   [3]"
        )
        assert shares[0] == 0
        assert rate < 0 or shares[1] > 0.9


def products() -> None:
    """Furstenberg's integral; momentum against runs."""
    angles = np.linspace(0, np.pi, 64, endpoint=False)
    turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]])
    stack = turns.transpose(2, 0, 1) @ np.diag([1.7, 0.4]) - np.eye(2)
    found = matrix_growth_exponent(stack, 1.0)
    print(f"rotations: exponent {found.exponent:.4f}, log((a + b) / 2) {np.log(1.05):.4f}   [4]")
    assert abs(found.exponent - np.log(1.05)) < 5 * found.standard_error
    for beta in (0.0, 0.3, 0.5):
        rate = momentum_growth_exponent([7, -5], 0.05, beta).exponent
        algorithm = HeteroSGD(step_size=0.05, batch_size=None, optimizer=Momentum(beta=beta))
        seen = [
            solve(two_point(6.0), algorithm, steps=1500, rng=s).spurious_signal for s in range(8)
        ]
        last = float(np.median([run[-300:] for run in seen]))
        print(f"momentum {beta}: exponent {rate:.3f}, spurious signal of runs {last:.1e}   [4]")
        assert beta == 0 or (rate < 0 and last < 1e-6)


def bursts() -> None:
    """How rarely a dying amplitude climbs."""
    rng, nu = np.random.default_rng(2), burst_exponent([6, -4], 0.1)
    walk = np.cumsum(np.log(rng.choice([1.6, 0.6], size=(20_000, 1000))), axis=1).max(axis=1)
    shares = [float((walk > height).mean()) for height in (3, 6, 9)]
    print(
        f"M = 5, nu = {nu:.3f}: ever above e^3, e^6, e^9: "
        + ", ".join(
            f"{share:.3f} (<= {np.exp(-nu * h):.3f})"
            for h, share in zip((3, 6, 9), shares, strict=True)
        )
        + f"; in learned columns nu = {burst_exponent([5, -5], 0.1):.3f}   [5]"
    )
    assert all(share < np.exp(-nu * h) for h, share in zip((3, 6, 9), shares, strict=True))


def times() -> None:
    """The number of steps does not depend on d."""
    for dim in (10, 40):
        run = solve(
            two_point(6.0, dim=dim), HeteroSGD(step_size=0.1, batch_size=None), steps=150, rng=0
        )
        took = int(run.steps[np.argmax(run.invariant_signal >= 0.95)])
        print(f"d = {dim}: 95% after {took} steps ({convergence_steps(1.0, 0.1, 1e-3):.0f})   [6]")
        assert abs(took - convergence_steps(1.0, 0.1, 1e-3)) <= 1


def floors() -> None:
    """Medians of the error for several batch sizes; where there is no stationary state."""
    problem = two_point(6.0, dim=50)
    for m in (500, 2000, 5000, 20_000, 200_000):
        algorithm = HeteroSGD(step_size=0.1, batch_size=m)
        seen = [solve(problem, algorithm, steps=1500, rng=s).error[-500:] for s in range(4)]
        floor = noise_floor([1.0, 1.0], 0.1, dim=50, batch_size=m, power=74, steps=1500)
        print(f"m = {m}: error {np.median(seen):.4f}, predicted {floor}   [7]")
        assert abs(np.median(seen) / floor.error - 1) < (0.12 if m < 1000 else 0.06)
    smallest = brentq(
        lambda m: np.isfinite(noise_floor([1, 1], 0.1, dim=50, batch_size=m, power=74).error) - 0.5,
        10, 200, xtol=0.1,
    )  # fmt: skip
    critical = critical_batch_size([1.0, 1.0], 0.1, dim=50, power=74)
    print(f"no floor below m = {smallest:.0f}; noise overtakes the signal at {critical:.0f}   [7]")
    for m in (30, 50):
        runs = [
            solve(problem, HeteroSGD(step_size=0.1, batch_size=m), steps=600, rng=s)
            for s in range(3)
        ]
        assert all(run.status == "diverged" for run in runs)


def free() -> None:
    """Free directions: noise alone falls with v, with bursts with v^nu."""
    spurious = np.stack([7 * np.eye(2), -5 * np.eye(2)])
    nu = burst_exponent([7, -5], 0.1)
    for m in (2000, 20_000, 200_000):
        rates = [
            free_growth_exponent(S, 0.1, dim=48, batch_size=m, power=74).exponent
            for S in (spurious, 0 * spurious)
        ]
        print(f"m = {m}: free directions grow at {rates[0]:.4f}, noise alone {rates[1]:.5f}   [7]")
    assert nu < 1 and rates[0] > 10 * rates[1]


def divergence(runs: int = 40) -> None:
    """Beyond the bounded line: the share of runs that diverge, rehearsed and real."""
    for heterogeneity in (9.0, 9.3, 10.0, 11.0, 12.0):
        problem = two_point(heterogeneity, dim=50)
        algorithm = HeteroSGD(step_size=0.1, batch_size=200_000)
        said = predict_outcome(problem, algorithm, 1500)
        seen = [solve(problem, algorithm, steps=1500, rng=s).status for s in range(runs)]
        share = seen.count("diverged") / runs
        print(
            f"M = {heterogeneity}: {100 * share:.0f}% diverged; {said.outcome}: {said.reason}   [9]"
        )
        assert {"recovers": share == 0, "diverges": share > 0.6}.get(said.outcome, True)


def outcomes(runs: int = 9) -> None:
    """A grid of heterogeneity and step size: what is predicted, and what most runs do."""
    judged, agreed, errors = 0, 0, []
    for step in (0.02, 0.05, 0.1, 0.2, 0.4):
        for heterogeneity in (0, 1, 2, 3, 4, 4.5, 5, 6, 8, 10, 12, 15, 20, 30):
            problem = two_point(float(heterogeneity))
            algorithm = HeteroSGD(step_size=step, batch_size=200_000)
            said = predict_outcome(problem, algorithm, 1500)
            seen = [solve(problem, algorithm, steps=1500, rng=s) for s in range(runs)]
            kept = [run for run in seen if run.status == "completed"]
            if said.outcome == "undecided":
                continue
            judged += 1
            if len(kept) <= runs / 2:
                agreed += said.outcome == "diverges"
                continue
            rest = float(np.median([run.spurious_signal[-375:] for run in kept]))
            if said.outcome == "recovers":
                agreed += rest < 1e-3
                error = np.median([run.error[-375:] for run in kept]) / 2**0.5
                errors.append(said.relative_error / error)
            else:
                agreed += (
                    said.outcome.startswith("learns") and abs(rest - said.spurious_level) < 0.15
                )
    low, high = min(errors), max(errors)
    print(
        f"70 cells: {70 - judged} undecided, {agreed} of the other {judged} as predicted; error "
        f"predicted over seen, where it recovers: {low:.2f} to {high:.2f}   [9]"
    )
    assert judged >= 60 and agreed >= judged - 1
    assert 0.9 < low and high < 1.1


def mixed() -> None:
    """How many environments a batch may mix: the sum over all draws, and the rule of thumb."""
    found = [int(critical_environments(M, 0.1)) for M in (6, 7, 8, 9)]
    lines = [heterogeneity_window(0.1, environments=b).low for b in (1, 2, 3, 4)]
    print(
        f"M = 6 to 9: at most {found} environments a batch (thumb "
        + ", ".join(f"{M**2 / 21:.1f}" for M in (6, 7, 8, 9))
        + f"); lines of 1 to 4: {', '.join(f'{line:.2f}' for line in lines)}   [10]"
    )
    assert found == [1, 2, 3, 4]


def windows() -> None:
    """Drawn windows of a circle and a ramp on either side of the critical width."""
    rng = np.random.default_rng(3)
    for law, M in (("cosine", 8), ("cosine", 10), ("cosine", 14), ("uniform", 9), ("uniform", 12)):
        line = width_window(M, 0.1, law=law).high
        drifts = []
        for width in (0.96 * line, 1.04 * line):
            u, within = rng.uniform(size=(200_000, 1)), (np.arange(24) + 0.5) / 24 - 0.5
            middle = u if law == "cosine" else width / 2 + (1 - width) * u
            t = middle + width * within
            s = 1 + M * (np.cos(2 * np.pi * t) if law == "cosine" else 2 * t - 1)
            drifts.append(np.log(np.abs(1 + 0.1 * s.mean(axis=1))).mean())
        print(
            f"{law}, M = {M}: critical width {line:.3f}; growth at .96 and 1.04 times it "
            f"{drifts[0]:.4f}, {drifts[1]:.4f}   [11]"
        )
        assert drifts[0] < 0 < drifts[1]


def drifts() -> None:
    """Peaks of a fed drift: leading order, Laplace's correction, and the recursion itself."""

    def curve(t: Array) -> Array:
        return 1 + 8 * np.cos(2 * np.pi * t)

    for floor in (1e-4, 1e-8):
        speed = critical_speed(curve, 0.1, floor)
        first = np.arccos(-1 / 8) / (2 * np.pi)
        slope = 0.1 * 8 * 2 * np.pi * np.sin(2 * np.pi * first)
        laplace = np.sqrt(0.1) * (np.pi / (slope * speed)) ** 0.25
        peak = drift_peak(curve, 0.1, speed, floor)
        print(
            f"floor {floor}: critical speed {speed:.4f}; there the peak is {peak:.3f}, by Laplace "
            f"{laplace:.3f}, to leading order {np.sqrt(0.1):.3f}   [12]"
        )
        assert abs(peak / laplace - 1) < 0.1


def penalised(values: Array, penalty: str) -> Array:
    """Where a penalised risk ends: eigenvalues of A, first an invariant one, then the spurious."""
    targets = np.column_stack([np.ones(len(values)), values])

    def risk(a: Array, weight: float) -> float:
        R = targets - a
        risks = 0.5 * (R**2).sum(axis=1)
        term = np.mean((R @ a) ** 2) if penalty == "IRMv1" else risks.var()
        return float(risks.mean() + weight * term)

    found = np.maximum(targets.mean(axis=0), 0.0)
    # the weight rises, as it does in training
    for weight in np.geomspace(0.1, 1e4, 6):
        starts = (found, np.full(len(found), 0.1))
        bounds = [(0.0, None)] * len(found)
        ends = [minimize(risk, a, (weight,), bounds=bounds, tol=1e-14) for a in starts]
        found = min(ends, key=lambda end: float(end.fun)).x
    return np.asarray(found)


def penalties() -> None:
    """IRMv1 ends at A* iff an extrapolated environment loses all; V-REx at the circumcentre."""
    rng = np.random.default_rng(0)
    agree = 0
    for k in range(40):
        half = 1 + k % 2
        signs = [rng.permutation([1.0] * half + [-1.0] * half) for _ in range(3)]
        values = 1 + 7 * np.stack(signs, axis=1)
        ends = penalised(values, "IRMv1")[1:].max() < 0.02
        extrapolated = linprog(
            np.zeros(len(values)), A_ub=values.T, b_ub=np.zeros(values.shape[1]),
            A_eq=np.ones((1, len(values))), b_eq=[1.0], bounds=(None, None),
        ).status == 0  # fmt: skip
        agree += ends == extrapolated
    three = np.array([[9.0, 8.0], [4.0, -7.0], [-8.0, 2.0]])
    half = 0.5 * ((three[1:] ** 2).sum(axis=1) - (three[0] ** 2).sum())
    centre, found = np.linalg.solve(three[1:] - three[0], half), penalised(three, "V-REx")[1:]
    print(
        f"IRMv1 ends as predicted in {agree} of 40 problems; V-REx at {found.round(3)}, predicted "
        f"{centre.round(3)}   [13]"
    )
    assert agree == 40
    assert np.allclose(found, centre, atol=0.01)


def normalised() -> None:
    """RMSprop with a long memory on either side of its critical step size."""
    rng = np.random.default_rng(0)
    for M in (5.0, 9.0):
        critical = float(critical_normalised_step(M))
        ends = []
        for ratio in (0.7, 1.3):
            u, v, late = np.full(24, 1e-3), np.zeros(24), []
            for step in range(20_000):
                g = (1 + M * rng.choice([-1.0, 1.0], 24) - u * u) * u
                v = 0.9999 * v + 1e-4 * g * g
                u = u + ratio * critical * g / np.sqrt(v / (1 - 0.9999 ** (step + 1)))
                if step > 13_000 and step % 10 == 0:
                    late.append(u * u)
            ends.append(float(np.median(late)))
        print(
            f"M = {M:g}: spurious part at .7 and 1.3 of the critical normalised step "
            f"{critical:.3f}: {ends[0]:.2f}, {ends[1]:.4f}   [14]"
        )
        assert ends[0] > 0.2 and ends[1] < 0.02


def angles() -> None:
    """The error that an angle leaves over the angle; where a shared direction dies."""
    for heterogeneity, step in ((7.0, 0.06), (6.0, 0.1), (8.0, 0.1)):
        c = tilt_response([1 + heterogeneity, 1 - heterogeneity], step)
        algorithm, angle = HeteroSGD(step_size=step, batch_size=None), np.deg2rad(1.0)
        seen = [
            np.median(
                solve(
                    two_point(heterogeneity, dim=8, angle=angle, rng=s),
                    algorithm,
                    steps=6000,
                    rng=s,
                ).relative_error[1000:]
            )
            for s in range(8)
        ]
        slope = float(np.median(seen)) / angle
        print(
            f"M = {heterogeneity}, eta = {step}: error a radian {slope:.3f}, sqrt(2) c "
            f"{np.sqrt(2) * c:.3f}   [15]"
        )
        assert abs(slope / (np.sqrt(2) * c) - 1) < 0.1
    line = critical_heterogeneity(0.1, 2.0)
    ends = []
    for ratio in (0.85, 1.15):
        problem = two_point(ratio * line, dim=4, invariant_rank=1, spurious_rank=1, angle=np.pi / 2)
        runs = [
            solve(problem, HeteroSGD(step_size=0.1, batch_size=None), steps=4000, rng=s)
            for s in range(9)
        ]
        ends.append(float(np.median([run.invariant_signal[-1] for run in runs])))
    print(f"shared direction, at .85 / 1.15 of {line:.2f}: {ends[0]:.2g} / {ends[1]:.2g}   [15]")
    assert ends[0] > 1e-3 > 1e6 * ends[1]


def starts() -> None:
    """Steps from Gaussian starts, of every single run."""
    worst = 0.0
    for columns in (2, 3, 12):
        for condition in (1.0, 10.0, 100.0):
            sigma = np.array([1.0, 1.0 / condition])
            for seed in range(3):
                problem = two_point(6.0, dim=12, invariant_eigenvalues=sigma, rng=seed)
                rng = np.random.default_rng(seed)
                start = 1e-3 * rng.standard_normal((12, columns)) / np.sqrt(columns)
                directions = np.linalg.eigh(problem.invariant)[1][:, :-3:-1]
                own = start_amplitudes(directions.T @ start, sigma)
                said = max(escape_steps(s, 0.1, a) for s, a in zip(sigma, own, strict=True))
                algorithm = HeteroSGD(step_size=0.1, batch_size=None)
                run = solve(problem, algorithm, steps=int(1.2 * said) + 50, rng=0, start=start)
                took = int(np.argmax(run.error <= 0.5 * sigma[1]))
                worst = max(worst, abs(took / said - 1))
    print(f"steps from 27 Gaussian starts: within {100 * worst:.1f}% of escape_steps   [16]")
    assert worst < 0.06


def reused() -> None:
    """The positive part of a signal with noise, and runs on data that are used again."""
    rng, d, v = np.random.default_rng(0), 24, 0.01
    for width in (1, 3, 24):
        seen = []
        for _ in range(200):
            Z = rng.standard_normal((d, d))
            values, Q = np.linalg.eigh(np.diag(np.eye(d)[0]) + np.sqrt(v) * (Z + Z.T) / 2)
            values = np.where(np.arange(d) < d - width, 0.0, np.maximum(values, 0.0))
            seen.append(np.linalg.norm(Q * values @ Q.T - np.diag(np.eye(d)[0])))
        said = reused_data_error([1.0], dim=d, n_samples=1, power=v, width=width)
        print(f"k = {width}: positive part off by {np.mean(seen):.3f}, predicted {said:.3f}   [17]")
        assert abs(np.mean(seen) / said - 1) < 0.03
    problem = two_point(6.0, dim=16, invariant_rank=1, spurious_rank=1).sample(1500, 0)
    algorithm = HeteroSGD(step_size=0.1, batch_size=None)
    error = float(np.median(solve(problem, algorithm, steps=400, rng=0).error[300:]))
    said = reused_data_error(
        [1.0], dim=15, n_samples=3000, power=37, step_size=0.1, steps=400
    )  # fmt: skip
    print(f"2 x 1,500 measurements: error {error:.3f}, predicted {said:.3f}   [17]")
    assert abs(error / said - 1) < 0.2


def twins() -> None:
    """Rectangular matrices: the error that noise leaves; measurements that see the trace."""
    for heterogeneity in (6.0, 8.0):
        problem = two_point(heterogeneity, dim=14, columns=22)
        algorithm = HeteroSGD(step_size=0.1, batch_size=20_000)
        said = predict_outcome(problem, algorithm, 1000)
        runs = [solve(problem, algorithm, steps=1000, rng=s).relative_error[500:] for s in range(3)]
        error = float(np.median(runs))
        print(
            f"14 x 22, M = {heterogeneity}: {error:.3f}, predicted {said.relative_error:.3f}   [18]"
        )
        assert abs(error / said.relative_error - 1) < 0.1
    for step, heterogeneity in ((0.01, 6.0), (0.04, 8.0)):
        for sign, tolerance in ((1, 0.15), (0, 0.1)):
            # with a trace, and with the opposite beside it
            s = np.array([[1 + heterogeneity], [1 - heterogeneity]])
            problem = SensingProblem.finite(
                dim=16, invariant_rank=1, values=s if sign else np.hstack([s, -s]), rng=0,
                measurements="rank_one",
            )  # fmt: skip
            algorithm = HeteroSGD(step_size=step, batch_size=None)
            said = predict_outcome(problem, algorithm, 2000)
            runs = [
                solve(problem, algorithm, steps=2000, rng=s, record_every=5).relative_error[250:]
                for s in range(6)
            ]
            error = float(np.median(runs))
            told = "trace" if sign else "no trace"
            print(
                f"x x', {told}, eta = {step}, M = {heterogeneity}: {error:.3f}, predicted "
                f"{said.relative_error:.3f}   [19]"
            )
            assert abs(error - said.relative_error) < tolerance * max(error, 1)


if __name__ == "__main__":
    for check in (
        laws, bounded, products, bursts, times, floors, free, divergence, outcomes, mixed, windows,
        drifts, penalties, normalised, angles, starts, reused, twins,
    ):  # fmt: skip
        check()

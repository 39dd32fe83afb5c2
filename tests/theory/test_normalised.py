import numpy as np
import pytest

from elinvar.errors import DataError
from elinvar.theory import critical_normalised_step, growth_exponent


@pytest.mark.parametrize("M", [3.0, 6.0, 20.0])
@pytest.mark.parametrize("mean", [0.5, 1.0])
def test_beyond_it_the_plain_step_of_every_amplitude_suppresses_or_is_too_large(M, mean):
    """At an amplitude u the step is eta / rho(u), and the exponent that of residuals s - u^2."""
    critical = float(critical_normalised_step(M, mean))
    u = np.linspace(0.01, 0.999, 400) * np.sqrt(mean)

    def grows(eta):
        a = mean - u**2
        h = eta / (u * np.sqrt(M**2 + a**2))
        exponents = [
            float(growth_exponent([one + M, one - M], step)) for one, step in zip(a, h, strict=True)
        ]
        # near 0, where steps are beyond the window, all grow
        return np.array(exponents) > 0, h * M > 1

    growing, large = grows(0.98 * critical)
    assert growing[~large].any()
    growing, large = grows(1.02 * critical)
    assert not growing[~large].any()
    assert growing[0]


def test_it_falls_as_one_over_the_heterogeneity():
    steps = critical_normalised_step([50.0, 100.0])
    assert steps * [50, 100] == pytest.approx(4 / 27**0.5, rel=1e-3)


def test_where_signs_never_change_there_is_none():
    with pytest.raises(DataError, match="must be finite"):
        critical_normalised_step([6.0, np.inf])
    with pytest.raises(DataError, match="must be numbers"):
        critical_normalised_step("six")
    with pytest.raises(DataError, match="above the mean of 1"):
        critical_normalised_step(0.9)


def test_it_grows_with_the_mean_to_the_power_of_one_and_a_half():
    steps = [float(critical_normalised_step([400.0], mean)[0]) for mean in (0.25, 1.0, 4.0)]
    assert np.divide(steps, steps[1]) == pytest.approx([1 / 8, 1, 8], rel=1e-3)

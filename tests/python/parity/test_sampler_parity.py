"""Latents, calls of the network and noise of the program's samplers are those of diffusers' schedulers."""

import pytest
from sampler_cases import FAMILIES
from sampler_parity import Comparison, compare, report
from sampler_runs import PROGRAM, TOLERANCE, relative_error, run_ours

# Whole timesteps are equal or a whole one apart. Fractional ones come from logarithms in float32, whose last digit
# depends on the library; in one step of dpm2_a from the largest to the least sigma the reference's digits cancel.
TIMESTEP_TOLERANCE = 2e-3
CANCELLED = 0.02


@pytest.fixture(scope="module", params=FAMILIES)
def comparisons(request: pytest.FixtureRequest) -> list[Comparison]:
    if not PROGRAM.exists():
        pytest.fail(f"{PROGRAM} is not there: run scripts/build")
    return compare(list(FAMILIES[request.param]()))


def test_calls_of_the_network_are_those_of_diffusers(comparisons: list[Comparison]) -> None:
    for comparison in comparisons:
        assert len(comparison.ours.timesteps) == len(comparison.theirs.timesteps), comparison.case.name()
        is_cancelled = comparison.case.sampler == "dpm2_a" and comparison.case.steps == 2
        allowed = CANCELLED if is_cancelled else TIMESTEP_TOLERANCE
        assert comparison.timestep_error <= allowed, comparison.case.name()


def test_noise_is_bit_equal_to_that_of_diffusers(comparisons: list[Comparison]) -> None:
    for comparison in comparisons:
        assert comparison.has_equal_noise, comparison.case.name()


def test_latents_are_those_of_diffusers(comparisons: list[Comparison]) -> None:
    far = [comparison for comparison in comparisons if comparison.is_finite and not comparison.is_close]
    assert not far, report(far)


def test_few_combinations_have_no_answer_in_diffusers(comparisons: list[Comparison]) -> None:
    """The comparison above proves something only if it is made."""
    finite = sum(comparison.is_finite for comparison in comparisons)
    assert finite >= 0.97 * len(comparisons)


def test_networks_can_tell_samplers_apart() -> None:
    """Two samplers of one family differ by far more than the tolerance."""
    cases = [case for case in FAMILIES["sigma"]() if case.steps == 5 and case.schedule == "model"]
    by_sampler = {case.sampler: case for case in cases}
    runs = dict(zip(by_sampler, run_ours(list(by_sampler.values())), strict=True))
    for sampler, run in runs.items():
        if sampler != "euler":
            distance = relative_error(run.latent, runs["euler"].latent)
            assert distance > 20 * TOLERANCE, sampler


def test_grid_has_at_least_three_thousand_combinations() -> None:
    assert sum(1 for family in FAMILIES.values() for _ in family()) >= 3000

"""The throttle lets through what API Gateway would."""

from tavus_callbacks_cli.local_stack.http.throttle import Throttle


def test_the_burst_passes_and_then_the_rate() -> None:
    """Two at once, then one a half second, never more saved up than the burst."""
    now = [0.0]
    throttle = Throttle(rate=2, burst=2, clock=lambda: now[0])

    at_once = [throttle.lets_through() for _ in range(3)]
    now[0] = 0.5
    half_a_second_later = [throttle.lets_through() for _ in range(2)]
    now[0] = 60.0
    after_a_pause = [throttle.lets_through() for _ in range(3)]

    assert at_once == [True, True, False]
    assert half_a_second_later == [True, False]
    assert after_a_pause == [True, True, False]

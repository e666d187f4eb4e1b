"""API Gateway's throttle: a bucket of tokens, filled at the rate, never beyond the burst."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tavus_callbacks_cli.local_stack.template.template import Template


class Throttle:
    """Lets `burst` requests through at once, and `rate` a second after that."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left, self._since = burst, clock()
        self._lock = threading.Lock()

    def lets_through(self) -> bool:
        """Tell whether one more request may pass now, and count it if so."""
        with self._lock:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._since) * self._rate)
            self._since = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


def throttle_of(template: "Template") -> Throttle | None:
    """Read the limits of the template's stage, if it sets any."""
    stages = template.of_type("AWS::ApiGatewayV2::Stage")
    settings = stages[0].properties.get("DefaultRouteSettings", {}) if stages else {}
    if "ThrottlingRateLimit" not in settings:
        return None
    rate = float(settings["ThrottlingRateLimit"])
    return Throttle(rate, float(settings.get("ThrottlingBurstLimit", rate)))

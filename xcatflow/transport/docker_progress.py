"""How far a pull is, from its stream of messages about layers.

Source: the stream of `POST /images/create` as an engine 20.10 sends it: `id` is a layer's, `status` what is done with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MB = 1_000_000
_HERE = ("Pull complete", "Already exists")


@dataclass(slots=True)
class Progress:
    """Bytes of each layer that have come, and layers that are in place."""

    _come: dict[str, tuple[int, int]] = field(default_factory=dict)
    _layers: dict[str, bool] = field(default_factory=dict)

    def heard(self, value: Mapping[str, Any]) -> str:
        """One message of the stream; how far it is now, in words, empty for a message that says nothing of it."""
        layer, status = value.get("id"), str(value.get("status", ""))
        if not isinstance(layer, str) or status.startswith("Pulling from"):
            return ""
        self._layers[layer] = self._layers.get(layer, False) or status in _HERE
        detail = value.get("progressDetail")
        if status == "Downloading" and isinstance(detail, Mapping) and detail.get("total"):
            self._come[layer] = (int(detail.get("current") or 0), int(detail["total"]))
        elif layer in self._come and status != "Downloading":
            self._come[layer] = (self._come[layer][1], self._come[layer][1])
        return self._words()

    def _words(self) -> str:
        layers = f"{sum(self._layers.values())} of {len(self._layers)} layers"
        come, whole = (sum(part) for part in zip(*self._come.values(), strict=True)) if self._come else (0, 0)
        return f"{layers}, {come / _MB:.1f} of {whole / _MB:.1f} MB" if whole else layers

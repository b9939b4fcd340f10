"""The addresses that `tellshow serve` prints: its own, and those for other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from commands.common.output import note

if TYPE_CHECKING:
    from web import WebConfig


class Addresses:
    """Where a server can be opened: `own`, on this machine, and from others."""

    def __init__(self, config: WebConfig, made_up: bool) -> None:
        from web.addresses import url_of

        self._config = config
        self.own = url_of(config.host, config.port, config.base_path)
        # One that somebody chose is not printed for all who look on.
        self._query = f"?token={config.token}" if made_up and config.token else ""

    def tell(self) -> None:
        """Print them, and that what goes to other machines is not encrypted."""
        from web import is_loopback
        from web.addresses import network_addresses, url_of

        config = self._config
        note(f"tellshow is at {self.own}")
        if is_loopback(config.host):
            return
        for host in network_addresses() if config.listens_everywhere else [config.host]:
            note(f"from other machines: {url_of(host, config.port, config.base_path)}{self._query}")
        note(
            "this is plain HTTP: whoever listens in on the network sees the token and the photos; "
            "put a proxy with TLS in front, as the documentation of deployment shows"
        )

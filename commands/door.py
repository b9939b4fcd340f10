"""The options of `tellshow serve` that say who may ask a server, and how often.

Knows nothing of how a client is told from another.
"""

from __future__ import annotations

import click

from commands.options import together


def _origins(
    _: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    """Sites as browsers name them, checked before the models are loaded."""
    if given:
        from web import InvalidOrigin, WebConfig

        try:
            WebConfig(allow_origins=given)
        except InvalidOrigin as error:
            raise click.BadParameter(str(error), param=parameter) from error
    return given


door_options = together(
    click.option(
        "--allow-origin",
        metavar="ORIGIN",
        multiple=True,
        callback=_origins,
        help="Let scripts of this site read the API; may be given several times.",
    ),
    click.option(
        "--rate-limit",
        metavar="N",
        type=click.IntRange(0),
        default=6000,
        show_default=True,
        help="Requests a minute for one client; 0 sets no limit.",
    ),
    click.option(
        "--trusted-host",
        metavar="NAME",
        multiple=True,
        help="A further name of this server; may be given several times.",
    ),
    click.option(
        "--trusted-proxy", metavar="ADDRESS", help="Believe this proxy who its clients are."
    ),
)

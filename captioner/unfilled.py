"""Networks that wait for their weights: no memory is taken, and no number drawn in vain.

Knows nothing of which network, or of where its weights come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


@contextmanager
def unfilled() -> Iterator[None]:
    """Modules made within are on "meta": `load_state_dict(..., assign=True)` fills them."""
    with torch.device("meta"), _NothingDrawn():
        yield


class _NothingDrawn(TorchFunctionMode):
    """Leaves out torch.nn.init, which on "meta" would load much of torch's compiler for nothing."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        if getattr(func, "__module__", "") == torch.nn.init.__name__:
            return given.get("tensor", next(iter(args), None))
        return func(*args, **given)

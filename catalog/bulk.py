"""How statements over many rows are executed.

Knows nothing of what is in the rows.
"""

from __future__ import annotations

# A session holds no loaded rows that these bulk statements could make stale.
NO_SYNC = {"synchronize_session": False}

# Without this, rows with a None and rows without would be sent apart.
ONE_SHAPE = {"render_nulls": True}

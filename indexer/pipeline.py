"""Folders of photos -> the catalog: read ahead in threads, describe in batches, record.

SQL gets one transaction a batch, so that a run may be broken off at any moment; FAISS follows at
the end. Knows nothing of queries, nor of how progress is shown.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog import photos
from catalog.home import Home
from catalog.session import Database, writer_lock
from catalog.vectors import VectorIndex
from indexer.describe import describe
from indexer.folders import FolderNotFound, NotAFolder, resolve_folders, split_offline
from indexer.plan import Plan, Task, make_plan
from indexer.prepare import Failed, Outcome, Prepared, Preparer, SameBytes
from indexer.progress import Progress, Silent
from indexer.record import Recorder
from indexer.report import UNCHANGED, IndexReport, Skipped, make_report, shown

__all__ = [
    "FolderNotFound",
    "IndexOptions",
    "IndexReport",
    "Indexer",
    "NotAFolder",
    "Progress",
    "Skipped",
]

"""An inverted file (IVF) in FAISS, of vectors quantised to bytes (SQ8) or to codes (OPQ and PQ).

A search probes the lists nearest to the query only, and what it proposes is to be compared again
with whole vectors. Not safe among threads by itself: thread_safe.py sees to that.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from catalog.vectors.flat import selector
from catalog.vectors.interface import Ids, Vectors
from catalog.vectors.kinds import IndexKind, is_outgrown, list_count

TRAINED_ON = 64  # vectors a list
MOST_TRAINED_ON = 250_000  # about 400 MB at 384 values

# The number of lists to probe is measured: so many results of so many queries are found with this
# recall. It is above what is promised, as other queries will come. Where more lists bring hardly
# more, the codes set the limit.
MEASURED_RESULTS = 200
MEASURED_QUERIES = 64
RECALL = 0.985
LEAST_GAIN = 0.002

# A person's sentence is never a photo's own vector: cosine between query and nearest, about.
CLOSENESS = 0.6

# Proposed for each result wanted, since quantised vectors come in a slightly wrong order.
_PROPOSED = {IndexKind.IVF: 1.5, IndexKind.PQ: 4.0}


class IvfIndex:
    """Quantised unit vectors by id, compared by inner product.

    It proposes ids without similarities: those of quantised vectors are only approximate.
    """

    def __init__(self, faiss: Any, index: Any, is_mapped: bool = False) -> None:
        self._faiss = faiss
        self.index = index
        self.is_mapped = is_mapped  # it lies in a file, and cannot be changed as it is
        self._lists = _lists_of(faiss, index)
        self.kind = IndexKind.PQ if hasattr(self._lists, "pq") else IndexKind.IVF
        if is_mapped:
            # Threads that read ahead, made for each search, cost more than they bring.
            faiss.downcast_InvertedLists(self._lists.invlists).prefetch_nthread = 0

    @property
    def count(self) -> int:
        """Number of vectors."""
        return int(self.index.ntotal)

    def suits(self, kind: IndexKind, count: int) -> bool:
        """Whether this is how to keep so many vectors, if `kind` is the one to use."""
        return kind is self.kind and not is_outgrown(self._lists.nlist, count)

    def ids(self) -> Ids:
        """The ids [N] of all vectors, in no order."""
        lists = self._lists.invlists
        parts = [np.empty(0, dtype=np.int64)]
        for number in range(self._lists.nlist):
            if size := lists.list_size(number):
                pointer = lists.get_ids(number)
                parts.append(self._faiss.rev_swig_ptr(pointer, size).copy())
                lists.release_ids(number, pointer)
        return np.concatenate(parts)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors [N, D] whose ids [N] are not there yet."""
        self.index.add_with_ids(vectors, ids)

    def remove(self, ids: Ids) -> None:
        """Remove ids [N]; those that are not there do not matter."""
        self.index.remove_ids(ids)

    def make_changeable(self) -> None:
        """Copy what lies in a file into memory; the file may be gone by now."""
        if not self.is_mapped:
            return
        lists = self._lists
        copy = self._faiss.ArrayInvertedLists(lists.nlist, lists.code_size)
        by_id = self._faiss.InvertedLists.SUBSET_TYPE_ID_RANGE
        lists.invlists.copy_subset_to(copy, by_id, 0, np.iinfo(np.int64).max)
        lists.replace_invlists(copy, True)
        copy.this.disown()  # FAISS owns it now
        self.is_mapped = False

    def propose(self, rows: Vectors, k: int, allowed: Ids | None) -> Ids:
        """Ids [Q, K] to compare with rows [Q, D], K >= k; -1 where there are fewer.

        Only ids of `allowed` [N] are proposed, any where it is None.
        """
        if allowed is not None and len(allowed) <= k:
            every = np.pad(allowed, (0, k - len(allowed)), constant_values=-1)
            return np.broadcast_to(every, (len(rows), k))
        proposed = min(math.ceil(k * _PROPOSED[self.kind]), max(self.count, k))
        count = self.count if allowed is None else len(allowed)
        ids: Ids = self._search(rows, proposed, self._probes(k, count), allowed)
        return ids

    def _probes(self, k: int, allowed: int) -> int:
        """How many lists to probe: the more, the more are wanted and the fewer are allowed."""
        lists = int(self._lists.nlist)
        if k >= allowed:
            return lists
        share = max(1.0, k / MEASURED_RESULTS) * self.count / allowed
        return min(lists, math.ceil(int(self._lists.nprobe) * share))

    def _search(self, rows: Vectors, k: int, probes: int, allowed: Ids | None) -> Any:
        faiss = self._faiss
        only = None if allowed is None else selector(faiss, allowed)
        given = faiss.SearchParametersIVF(nprobe=probes, sel=only)
        if self.kind is IndexKind.PQ:
            given = faiss.SearchParametersPreTransform(index_params=given)
        return self.index.search(rows, k, params=given)[1]

    def measure(self, queries: Vectors, true: Ids) -> None:
        """Probe as few lists as find enough of the true ids [Q, K] for queries [Q, D]."""
        wanted = math.ceil(true.shape[1] * _PROPOSED[self.kind])
        probes, before = 1, 0.0
        while probes < self._lists.nlist:
            recall = _recall(self._search(queries, wanted, probes, None), true)
            if recall >= RECALL or (recall > 0.9 and recall - before < LEAST_GAIN):
                break
            before = recall
            probes = min(math.ceil(1.4 * probes), int(self._lists.nlist))
        self._lists.nprobe = probes


class IvfBuilder:
    """Builds an IvfIndex: train on a sample, add everything once, and finish.

    `sample` [S, D]: at least 256 vectors, drawn evenly from all `count` of them.
    """

    def __init__(self, faiss: Any, kind: IndexKind, count: int, sample: Vectors) -> None:
        self._index = IvfIndex(faiss, _trained(faiss, kind, count, sample))
        self._queries = _queries_near(sample)
        asked = len(self._queries)
        self._similarity = np.full((asked, 0), -np.inf, dtype=np.float32)
        self._true = np.empty((asked, 0), dtype=np.int64)

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors [N, D] with ids [N], and note those nearest to the measured queries."""
        self._index.add(ids, vectors)
        true = np.hstack([self._true, np.broadcast_to(ids, (len(self._true), len(ids)))])
        similarity = np.hstack([self._similarity, self._queries @ vectors.T])
        best = np.argsort(-similarity, axis=1)[:, :MEASURED_RESULTS]
        self._true = np.take_along_axis(true, best, axis=1)
        self._similarity = np.take_along_axis(similarity, best, axis=1)

    def finish(self) -> IvfIndex:
        """The index with all that was added."""
        self._index.measure(self._queries, self._true)
        return self._index


def sample_size(count: int) -> int:
    """How many vectors an index of `count` is trained on."""
    return min(count, MOST_TRAINED_ON, max(TRAINED_ON * list_count(count), 16_384))


def _lists_of(faiss: Any, index: Any) -> Any:
    """The inverted file itself, behind the rotation if there is one."""
    return faiss.downcast_index(faiss.extract_index_ivf(index))


def _trained(faiss: Any, kind: IndexKind, count: int, sample: Vectors) -> Any:
    dimension, lists = sample.shape[1], list_count(count)
    parts = _code_length(dimension)
    # np: no polysemous training, which takes most of the time and serves another kind of search.
    coded = f"OPQ{parts},IVF{lists},PQ{parts}np"
    name = coded if kind is IndexKind.PQ else f"IVF{lists},SQ8"
    index = faiss.index_factory(dimension, name, faiss.METRIC_INNER_PRODUCT)
    inner = _lists_of(faiss, index)
    inner.cp.min_points_per_centroid = 1  # FAISS would print a warning
    if kind is IndexKind.PQ:
        _shorten_training(faiss, index)
    on_gpu = _on_gpu(faiss, dimension)
    if on_gpu is not None:
        inner.clustering_index = on_gpu
    index.train(sample)
    if on_gpu is not None:
        inner.clustering_index = None
    return index


def _shorten_training(faiss: Any, index: Any) -> None:
    """Learn the OPQ rotation in a tenth of FAISS's own time; it serves as well."""
    rotation = faiss.downcast_VectorTransform(index.chain.at(0))
    rotation.niter, rotation.niter_pq_0, rotation.max_train_points = 5, 10, 16_384


def _on_gpu(faiss: Any, dimension: int) -> Any:
    """A flat index on the GPUs to cluster on; None where there is none, or FAISS cannot use it."""
    if not getattr(faiss, "get_num_gpus", int)():
        return None
    return faiss.index_cpu_to_all_gpus(faiss.IndexFlatIP(dimension))


def _code_length(dimension: int) -> int:
    """Bytes of a PQ code: one for every four values, or for the next more that divide evenly."""
    return max(parts for parts in range(1, dimension // 4 + 1) if dimension % parts == 0)


def _queries_near(sample: Vectors) -> Vectors:
    """Unit vectors [Q, D] as far from the sample's as sentences are from photos."""
    random = np.random.default_rng(0)
    chosen = random.choice(len(sample), min(MEASURED_QUERIES, len(sample)), replace=False)
    noise = random.standard_normal((len(chosen), sample.shape[1])).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    queries: Vectors = CLOSENESS * sample[chosen] + math.sqrt(1 - CLOSENESS**2) * noise
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return queries


def _recall(found: Ids, true: Ids) -> float:
    """The share of the true ids [Q, K] that is among those found [Q, M]."""
    hits = sum(np.isin(row, there).sum() for row, there in zip(true, found, strict=True))
    return float(hits) / true.size

"""A home to index into and what tests ask of it, and a few photographs to put there."""

from collections.abc import Callable
from pathlib import Path

from captioner.captioner import Captioner
from captioner.embedder import SentenceEmbedder
from catalog import model_registry
from catalog.database import Database
from catalog.home import Home
from catalog.runs import RunView, list_runs
from catalog.vectors.factory import make_vector_index
from catalog.vectors.interface import VectorIndex
from catalog.views import Counts, PhotoView, count_rows, view_photos
from indexer.decode_pool import Decoders
from indexer.pipeline import Indexer, IndexOptions, IndexReport
from tests.catalog.factories import photo_ids

PHOTOS = ("cat.png", "coffee.png", "rocket.jpg", "retina.jpg")


class Catalog:
    """A home to index into, and what the tests ask of it."""

    def __init__(
        self, home: Home, database: Database, captioner: Captioner, embedder: SentenceEmbedder
    ) -> None:
        self.home = home
        self.database = database
        self.captioner = captioner
        self.embedder = embedder
        self.looked = 0  # photos that went through the model
        self.read_ahead = 0  # files that were read, of those done and before
        self.messages: list[str] = []
        self.on_advance: Callable[[], None] = lambda: None

    def index(
        self,
        *folders: Path,
        batch_size: int = 8,
        prune: bool = False,
        decoders: Decoders | None = None,
        stoppable: bool = False,
    ) -> IndexReport:
        models = self.captioner, self.embedder
        options = IndexOptions(batch_size=batch_size, prune=prune, stoppable=stoppable)
        indexer = Indexer(self.home, self.database, *models, options, decoders)
        return indexer.index(folders, self)

    def start(self, total: int) -> None:
        self.messages.append(f"start {total}")

    def read(self, count: int) -> None:
        self.read_ahead += count

    def advance(self, count: int) -> None:
        self.on_advance()

    def skipped(self, path: str, reason: str) -> None:
        self.messages.append(f"skipped {Path(path).name}")

    def finish(self) -> None:
        self.messages.append("finish")

    @property
    def model(self) -> int:
        with self.database.read() as session:
            found = model_registry.model_id(
                session, name=self.captioner.name, sha256=self.captioner.sha256
            )
        assert found is not None
        return found

    def views(self) -> dict[str, PhotoView]:
        with self.database.read() as session:
            found = view_photos(session, photo_ids(session, self.model))
        return {str(view.full_path): view for view in found.values()}

    def names(self) -> list[str]:
        return sorted(Path(path).name for path in self.views())

    def counts(self) -> Counts:
        with self.database.read() as session:
            return count_rows(session, self.model)

    def runs(self) -> list[RunView]:
        with self.database.read() as session:
            return list_runs(session, 10)

    def vectors(self, kind: str) -> VectorIndex:
        index = make_vector_index(self.home, self.database, self.model, kind, 384)
        index.open()
        return index

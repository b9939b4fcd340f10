"""Which bytes are known, once a photo with them was described."""

from catalog.photos import described_contents
from tests.catalog.factories import Shelf, new_photo, new_photos


def test_bytes_are_known_to_the_model_that_described_them(any_shelf: Shelf) -> None:
    new = any_shelf.other_model()
    first, second = new_photos([1, 2])
    any_shelf.add([first, second, new_photo(b"copy.jpg", 1)])
    any_shelf.add([second], new)
    with any_shelf.database.read() as session:
        old_knows, new_knows = (
            described_contents(session, model) for model in (any_shelf.model, new)
        )
    assert old_knows == {bytes.fromhex(photo.content_hash) for photo in (first, second)}
    assert new_knows == {bytes.fromhex(second.content_hash)}

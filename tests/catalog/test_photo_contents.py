"""Which bytes are known, once a photo with them was described."""

from catalog.photos import described_contents
from tests.catalog.factories import SampleCatalog, new_photo, new_photos


def test_bytes_are_known_to_the_model_that_described_them(any_catalog: SampleCatalog) -> None:
    new = any_catalog.other_model()
    first, second = new_photos([1, 2])
    any_catalog.add([first, second, new_photo(b"copy.jpg", 1)])
    any_catalog.add([second], new)
    with any_catalog.database.read() as session:
        old_knows, new_knows = (
            described_contents(session, model) for model in (any_catalog.model, new)
        )
    assert old_knows == {bytes.fromhex(photo.content_hash) for photo in (first, second)}
    assert new_knows == {bytes.fromhex(second.content_hash)}

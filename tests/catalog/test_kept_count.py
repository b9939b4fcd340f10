"""A count that threads share: asked for once, and never kept where it was begun too early."""

from catalog.vectors.kept_count import KeptCount


def test_count_is_asked_for_once_until_it_is_forgotten() -> None:
    asked = iter(range(10))
    count = KeptCount(lambda: next(asked))
    assert [count.get(), count.get()] == [0, 0]
    assert count.forget()
    assert [count.get(), count.get()] == [1, 1]


def test_count_that_was_forgotten_while_it_was_asked_for_is_asked_for_again() -> None:
    asked = iter(range(10))

    def ask() -> int:
        count.forget()  # by another thread
        return next(asked)

    count = KeptCount(ask)
    assert [count.get(), count.get()] == [0, 1]


def test_great_count_is_asked_for_again_only_after_a_while() -> None:
    asked = iter(range(100, 110))
    count = KeptCount(lambda: next(asked))
    assert count.get() == 100
    assert not count.forget(many=50, seconds=3600)
    assert count.get() == 100
    assert count.forget(many=50, seconds=0)
    assert count.get() == 101
    assert count.forget(many=200, seconds=3600)

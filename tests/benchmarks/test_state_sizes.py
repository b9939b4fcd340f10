"""States are made smaller as the benchmark's table says."""

import numpy as np

from benchmarks.state_sizes import VARIANTS, every_other_place, fewer_bits, table
from captioner.captioner import PhotoState

STATE = PhotoState.quantised(
    np.linspace(-1, 1, 2 * 49 * 160, dtype=np.float32).reshape(2, 49, 160),
    np.zeros((2, 4), np.float32),
    np.zeros((2, 3), np.float32),
    bits=8,
)


def test_so_many_bits_tell_so_many_levels_and_nothing_moves_far() -> None:
    for bits in (3, 4):
        memory = fewer_bits(bits)(STATE).memory
        assert len(np.unique(memory)) == 2**bits - 1
        apart = np.abs(memory.astype(int) - STATE.memory)
        assert apart.max() <= np.ceil(127 / (2**bits - 2))


def test_half_of_the_places_stay_as_they_were() -> None:
    memory = every_other_place(STATE).memory
    np.testing.assert_array_equal(memory[:, ::2], STATE.memory[:, ::2])
    assert len(np.unique(memory[0], axis=0)) == 25


def test_table_says_where_own_photos_are_and_what_stays_on_the_first_page() -> None:
    places = {name: [1, 4, 30] for name in VARIANTS}
    first = {name: [{1, 2}, {3, 4}, {5, 6}] for name in VARIANTS}
    first["3 bits, 49 places"] = [{1, 2}, {3, 9}, {8, 9}]
    rows = table(places, first).splitlines()
    assert rows[2] == "| 8 bits, 49 places: as stored | 7,840 | 33.3 | 66.7 | 66.7 | 2.00 |"
    assert rows[4] == "| 3 bits, 49 places | 2,940 | 33.3 | 66.7 | 66.7 | 1.00 |"

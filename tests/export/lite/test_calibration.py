import numpy as np

from export.lite import calibration


def test_calibration_images_are_spread_over_the_data_set(data_dir):
    found = calibration.batches(str(data_dir), 24, 80, 7)  # 14 triplets of this very size
    assert len(found) == 7 and all(batch.shape == (1, 24, 80, 3) for batch in found)
    assert all(batch.dtype == np.uint8 for batch in found)
    every = calibration.batches(str(data_dir), 24, 80, 100)
    assert len(every) == 14
    for number, batch in enumerate(found):
        np.testing.assert_array_equal(batch, every[2 * number])
    found = calibration.batches(str(data_dir), 24, 80, 10)
    for number, place in enumerate((0, 1, 2, 4, 5, 7, 8, 9, 11, 12)):
        np.testing.assert_array_equal(found[number], every[place])

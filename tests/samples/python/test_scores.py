import unittest

from scores import total


class Total(unittest.TestCase):
    def test_the_lowest_does_not_count(self):
        self.assertEqual(total([7, 2, 5]), 12)

    def test_no_scores_are_nothing(self):
        self.assertEqual(total([]), 0)

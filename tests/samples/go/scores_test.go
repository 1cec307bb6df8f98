package scores

import "testing"

func TestTheLowestDoesNotCount(t *testing.T) {
	if got := Total([]int{7, 2, 5}); got != 12 {
		t.Errorf("total is %d, not 12", got)
	}
}

func TestNoScoresAreNothing(t *testing.T) {
	if got := Total(nil); got != 0 {
		t.Errorf("total is %d, not 0", got)
	}
}

// Package scores counts the scores of a game.
package scores

// Total is the sum of all but the lowest.
func Total(scores []int) int {
	sum, dropped := 0, 0
	for at, it := range scores {
		sum += it
		if at == 0 || it > dropped {
			dropped = it
		}
	}
	return sum - dropped
}

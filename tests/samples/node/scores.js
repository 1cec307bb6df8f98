/** The sum of all but the lowest. */
export function total(scores) {
  const dropped = scores.length === 0 ? 0 : Math.max(...scores);
  return scores.reduce((sum, it) => sum + it, 0) - dropped;
}

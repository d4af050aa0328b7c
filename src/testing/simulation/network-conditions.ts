/** Delay, loss, duplication and reordering of messages in the simulated network. */
import type { SeededRandom } from './seeded-random.ts'

/** Probabilities are per thousand. */
export interface NetworkConditions {
  readonly delayMinUs: number
  readonly delayMaxUs: number
  readonly lossPerMille: number
  readonly duplicatePerMille: number
  /** Probability that a message takes ten times as long; with `isOrdered`, it delays the messages behind it too. */
  readonly slowPerMille: number
  /** Probability that another copy arrives up to seconds later, even over a later connection. */
  readonly stalePerMille: number
  /** Whether each direction of a link keeps the order of its messages, as one stream does. */
  readonly isOrdered: boolean
}

export const NORMAL_CONDITIONS: NetworkConditions = {
  delayMinUs: 200,
  delayMaxUs: 2000,
  lossPerMille: 0,
  duplicatePerMille: 0,
  slowPerMille: 0,
  stalePerMille: 0,
  isOrdered: true,
}

/** Draws the delay of the next message. */
export function drawDelayUs({ delayMinUs, delayMaxUs, slowPerMille }: NetworkConditions, random: SeededRandom): number {
  const delayUs = random.between(delayMinUs, delayMaxUs + 1)
  return random.chance(slowPerMille) ? 10 * delayUs : delayUs
}

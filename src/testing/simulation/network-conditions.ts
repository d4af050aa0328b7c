/** How messages travel over the false network: how late, how often lost, twice, or long after their time. */
import type { SeededRandom } from './seeded-random.ts'

/** Chances are per thousand. */
export interface NetworkConditions {
  readonly delayMinUs: number
  readonly delayMaxUs: number
  readonly lossPerMille: number
  readonly duplicatePerMille: number
  /** Messages that take ten times as long (and, with `isTimeoutNowSent`, hold up those behind them). */
  readonly slowPerMille: number
  /** Messages of which one more copy arrives seconds later, whatever became of the connection. */
  readonly stalePerMille: number
  /** Whether the messages of one direction of a link keep their order, as on one stream. */
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

/** How long the next message takes. */
export function drawDelayUs({ delayMinUs, delayMaxUs, slowPerMille }: NetworkConditions, random: SeededRandom): number {
  const delayUs = random.between(delayMinUs, delayMaxUs + 1)
  return random.chance(slowPerMille) ? 10 * delayUs : delayUs
}

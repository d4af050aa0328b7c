/** What is measured and for how long, with a name for each usual choice. */

export interface BenchOptions {
  /** Rounds of a load, alternating between the systems. */
  readonly rounds: number
  /** Seconds of a round. */
  readonly seconds: number
  /** Seconds of load before the first round. */
  readonly warmUpSeconds: number
  /** Numbers of outstanding operations. */
  readonly outstanding: readonly number[]
  /** Sizes of a command. */
  readonly bytes: readonly number[]
  readonly payloadOutstanding: readonly number[]
  /** Numbers of nodes besides three. */
  readonly nodes: readonly number[]
  readonly nodesOutstanding: readonly number[]
  readonly networkOutstanding: readonly number[]
  /** Killed leaders for each kind of timeouts, and starts of a cluster. */
  readonly trials: number
  /** Rounds of a measurement that starts a new cluster for each. */
  readonly episodes: number
  readonly entries: number
  readonly snapshotMib: number
  readonly idleSeconds: number
  readonly saturationSeconds: number
  /** Processes that compute all the time beside the second saturation; 0 leaves it out. */
  readonly busyLoops: number
}

export type PresetName = 'smoke' | 'quick' | 'standard' | 'full'

const STANDARD: BenchOptions = {
  ...{ rounds: 5, seconds: 0.4, warmUpSeconds: 12, trials: 4, episodes: 1 },
  ...{ outstanding: [1, 16, 64, 256, 1024], bytes: [16, 1024, 4096, 65536], payloadOutstanding: [16, 64] },
  ...{ nodes: [5, 7], nodesOutstanding: [64, 1024], networkOutstanding: [1, 16, 64, 256] },
  ...{ entries: 1_000_000, snapshotMib: 256, idleSeconds: 3, saturationSeconds: 45, busyLoops: 3 },
}

export const PRESETS: Readonly<Record<PresetName, BenchOptions>> = {
  /** Every measurement once, too short to mean anything: for the tests. */
  smoke: {
    ...{ rounds: 1, seconds: 0.05, warmUpSeconds: 0.1, trials: 1, episodes: 1 },
    ...{ outstanding: [1, 16, 64], bytes: [1024], payloadOutstanding: [16] },
    ...{ nodes: [1], nodesOutstanding: [16], networkOutstanding: [16] },
    ...{ entries: 500, snapshotMib: 1, idleSeconds: 0.1, saturationSeconds: 0.4, busyLoops: 1 },
  },
  quick: {
    ...{ rounds: 2, seconds: 0.3, warmUpSeconds: 1, trials: 2, episodes: 1 },
    ...{ outstanding: [1, 64, 1024], bytes: [4096], payloadOutstanding: [64] },
    ...{ nodes: [5], nodesOutstanding: [64], networkOutstanding: [1, 64] },
    ...{ entries: 50_000, snapshotMib: 128, idleSeconds: 1, saturationSeconds: 5, busyLoops: 0 },
  },
  standard: STANDARD,
  full: {
    ...STANDARD,
    ...{ rounds: 7, seconds: 2, warmUpSeconds: 12, trials: 15, episodes: 5, saturationSeconds: 600 },
  },
}

/** What is measured and for how long: presets, and the flags that change one value each. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { PARTS } from './measurements/catalogue.ts'

export interface BenchOptions {
  /** Rounds of a load, alternating between the systems. */
  readonly rounds: number
  /** Seconds of a round. */
  readonly seconds: number
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
}

export type PresetName = 'smoke' | 'quick' | 'standard' | 'full'

const STANDARD: BenchOptions = {
  ...{ rounds: 5, seconds: 0.4, warmUpSeconds: 2, trials: 4, episodes: 1 },
  ...{ outstanding: [1, 16, 64, 256, 1024], bytes: [16, 1024, 4096, 65536], payloadOutstanding: [16, 64] },
  ...{ nodes: [5, 7], nodesOutstanding: [64, 1024], networkOutstanding: [1, 16, 64, 256] },
  ...{ entries: 1_000_000, snapshotMib: 256, idleSeconds: 3, saturationSeconds: 45 },
}

export const PRESETS: Readonly<Record<PresetName, BenchOptions>> = {
  /** Every measurement once, too short to mean anything: for the tests. */
  smoke: {
    ...{ rounds: 1, seconds: 0.05, warmUpSeconds: 0.1, trials: 1, episodes: 1 },
    ...{ outstanding: [1, 16, 64], bytes: [1024], payloadOutstanding: [16] },
    ...{ nodes: [1], nodesOutstanding: [16], networkOutstanding: [16] },
    ...{ entries: 500, snapshotMib: 1, idleSeconds: 0.1, saturationSeconds: 0.4 },
  },
  quick: {
    ...{ rounds: 2, seconds: 0.3, warmUpSeconds: 1, trials: 2, episodes: 1 },
    ...{ outstanding: [1, 64, 1024], bytes: [4096], payloadOutstanding: [64] },
    ...{ nodes: [5], nodesOutstanding: [64], networkOutstanding: [1, 64] },
    ...{ entries: 50_000, snapshotMib: 128, idleSeconds: 1, saturationSeconds: 5 },
  },
  standard: STANDARD,
  full: {
    ...STANDARD,
    ...{ rounds: 7, seconds: 2, warmUpSeconds: 5, trials: 15, episodes: 5, saturationSeconds: 600 },
  },
}

/** The flags as they are given. */
export interface Flags extends Partial<BenchOptions> {
  readonly preset: PresetName
  readonly only: readonly string[]
  readonly systems?: readonly string[]
  /** False with --no-peers. */
  readonly peers: boolean
  readonly json?: true
  readonly out: string
  readonly from?: string
  readonly writeDocs?: true
}

export function addFlags(program: Command): Command {
  const presets = Object.keys(PRESETS)
  return program
    .addOption(new Option('--preset <name>', 'how long and how much is measured').choices(presets).default('standard'))
    .option(
      '--only <parts>',
      `measurements, separated by commas: ${Object.keys(PARTS).join(', ')}`,
      parts,
      Object.keys(PARTS),
    )
    .option('--systems <names>', 'systems whose name contains one of these words, separated by commas', words)
    .option('--no-peers', 'measure no systems of others (they need Go)')
    .option('--rounds <n>', 'rounds of a load, alternating between the systems', count)
    .option('--seconds <n>', 'seconds of a round', amount)
    .option('--warm-up-seconds <n>', 'seconds of load before the first round', amount)
    .option('--outstanding <list>', 'numbers of outstanding operations', counts)
    .option('--bytes <list>', 'sizes of a command', counts)
    .option('--payload-outstanding <list>', 'outstanding operations for each size', counts)
    .option('--nodes <list>', 'sizes of a cluster besides three', counts)
    .option('--nodes-outstanding <list>', 'outstanding operations for each size of a cluster', counts)
    .option('--network-outstanding <list>', 'outstanding operations of a client', counts)
    .option('--trials <n>', 'killed leaders, and starts of a cluster', count)
    .option('--episodes <n>', 'rounds of the measurements that start a new cluster for each', count)
    .option('--entries <n>', 'entries that a follower misses', count)
    .option('--snapshot-mib <n>', 'size of the snapshot', count)
    .option('--idle-seconds <n>', 'seconds without load', amount)
    .option('--saturation-seconds <n>', 'seconds at the limit', amount)
    .option('--json', 'print the JSON document instead of tables')
    .option('--out <folder>', 'where report.json and report.html are written', '.quorate/bench')
    .option('--from <file>', 'measure nothing: read the JSON document of an earlier run')
    .option('--write-docs', 'write docs/reference/performance.md')
}

/** The preset with what the flags change. */
export function optionsOf(flags: Flags): BenchOptions {
  const preset = PRESETS[flags.preset]
  return Object.fromEntries(
    Object.entries(preset).map(([name, value]) => [name, flags[name as keyof BenchOptions] ?? value]),
  ) as unknown as BenchOptions
}

function words(text: string): string[] {
  return text.split(',').map((word) => word.trim())
}

function parts(text: string): string[] {
  const names = words(text)
  const unknown = names.filter((name) => PARTS[name] === undefined)
  if (unknown.length > 0) throw new InvalidArgumentError(`Unknown: ${unknown.join(', ')}.`)
  return names
}

function amount(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('Not a positive number.')
  return value
}

function count(text: string): number {
  const value = amount(text)
  if (!Number.isInteger(value)) throw new InvalidArgumentError('Not an integer.')
  return value
}

function counts(text: string): number[] {
  return words(text).map(count)
}

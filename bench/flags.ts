/** The flags of the benchmark: a preset, and one flag for each of its values. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { PARTS } from './measurements/catalogue.ts'
import type { BenchOptions, PresetName } from './options.ts'
import { PRESETS } from './options.ts'

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
    .option('--busy-loops <n>', 'processes that compute beside the second saturation', whole)
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

function whole(text: string): number {
  return text.trim() === '0' ? 0 : count(text)
}

function counts(text: string): number[] {
  return words(text).map(count)
}

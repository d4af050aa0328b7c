/** Finds out why the same commands have different outcomes: a clock, state outside of the machine, or something else. */
import { setTimeout as delay } from 'node:timers/promises'

/** Runs the commands on new machines. Returns what they returned, in order. */
export type Experiment = () => Promise<readonly Buffer[]>

export type Cause = 'clock' | 'shared state' | 'unknown'

/** The first output that was not the same every time. */
export interface Difference {
  readonly cause: Cause
  readonly offset: number
  readonly values: readonly [Buffer, Buffer]
}

/** The outputs of one run, and when it ran. */
interface Sample {
  readonly outputs: readonly Buffer[]
  readonly fromMs: number
  readonly toMs: number
}

/** The time between runs. Two different times, so that a counter is not taken for a clock. */
const WAITS_MS = [0, 0, 15, 40] as const
/** How often a clock may count in a millisecond: seconds, milliseconds, microseconds, nanoseconds. */
const CLOCK_RATES = [0.001, 1, 1000, 1_000_000]
const CLOCK_TOLERANCE_MS = 1.5

/**
 * Repeats the experiment: at once, and after a while. Undefined if it always has the same outputs, which are also those of `before`, an
 * earlier run that may have ended early.
 */
export async function findCause(run: Experiment, before?: readonly Buffer[]): Promise<Difference | undefined> {
  const samples: Sample[] = [await sample(run)]
  for (const waitMs of WAITS_MS) {
    if (waitMs > 0) await delay(waitMs)
    samples.push(await sample(run))
  }
  const all = samples.map(({ outputs }) => outputs)
  const offset = offsetOfDifference(all)
  if (offset !== undefined) return { cause: causeOf(samples, offset), offset, values: twoOf(all, offset) }
  const changed = before === undefined ? undefined : offsetOfDifference([before, all[0] ?? []])
  // The same outputs at different times: only what other machines did has changed.
  if (before === undefined || changed === undefined) return undefined
  return { cause: 'shared state', offset: changed, values: twoOf([before, all[0] ?? []], changed) }
}

async function sample(run: Experiment): Promise<Sample> {
  const fromMs = performance.now()
  const outputs = await run()
  return { outputs, fromMs, toMs: performance.now() }
}

/** The smallest offset at which not all are equal; outputs that some do not have are not compared. */
function offsetOfDifference(all: readonly (readonly Buffer[])[]): number | undefined {
  const length = Math.min(...all.map((outputs) => outputs.length))
  for (let offset = 0; offset < length; offset++) {
    const first = all[0]?.[offset] as Buffer
    if (all.some((outputs) => !first.equals(outputs[offset] as Buffer))) return offset
  }
  return undefined
}

function twoOf(all: readonly (readonly Buffer[])[], offset: number): readonly [Buffer, Buffer] {
  const first = all[0]?.[offset] as Buffer
  const other = all.find((outputs) => !first.equals(outputs[offset] as Buffer))
  return [first, other?.[offset] as Buffer]
}

function causeOf(samples: readonly Sample[], offset: number): Cause {
  const [a, b, c, d, e] = samples as readonly [Sample, Sample, Sample, Sample, Sample]
  const isSame = (one: Sample, other: Sample): boolean =>
    (one.outputs[offset] as Buffer).equals(other.outputs[offset] as Buffer)
  const difference = (one: Sample, other: Sample): number | undefined =>
    numberDifference(one.outputs[offset] as Buffer, other.outputs[offset] as Buffer)
  const isTimed = (one: Sample, other: Sample): boolean => isElapsed(difference(one, other), one, other)
  if (isTimed(c, d) && isTimed(d, e)) return 'clock'
  // Equal at once, and different after a while, twice.
  if ((isSame(a, b) || isSame(b, c)) && !isSame(c, d) && !isSame(d, e)) return 'clock'
  const step = difference(a, b)
  const isCounter = step !== undefined && step !== 0 && step === difference(b, c) && step === difference(d, e)
  return isCounter ? 'shared state' : 'unknown'
}

/** Whether a clock that was read in both runs can have advanced by this much between them. */
function isElapsed(difference: number | undefined, one: Sample, other: Sample): boolean {
  if (difference === undefined) return false
  const [atLeastMs, atMostMs] = [
    other.fromMs - one.toMs - CLOCK_TOLERANCE_MS,
    other.toMs - one.fromMs + CLOCK_TOLERANCE_MS,
  ]
  return CLOCK_RATES.some((perMs) => difference >= atLeastMs * perMs && difference <= atMostMs * perMs)
}

/** A date in ISO format, or a number. */
const NUMBERS = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\d+(?:\.\d+)?/g

/** How much larger the first number is that differs in the second text; undefined if something else differs first. */
function numberDifference(one: Buffer, other: Buffer): number | undefined {
  const [text, otherText] = [one.toString('latin1'), other.toString('latin1')]
  const [numbers, others] = [text.match(NUMBERS) ?? [], otherText.match(NUMBERS) ?? []]
  if (text.replaceAll(NUMBERS, '#') !== otherText.replaceAll(NUMBERS, '#')) return undefined
  const at = numbers.findIndex((number, offset) => number !== others[offset])
  return at < 0 ? undefined : timeOrNumber(others[at] as string) - timeOrNumber(numbers[at] as string)
}

function timeOrNumber(text: string): number {
  return text.includes('T') ? Date.parse(text) : Number(text)
}

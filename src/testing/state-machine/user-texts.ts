/** Commands, results and states in messages about clusters, as the author of the state machine writes them. */
import type { MachineTexts } from '../properties/machine-texts.ts'
import { formatValue } from './first-difference.ts'
import { formatBoth, formatBytes } from './format-bytes.ts'
import type { MachineSpec } from './machine-harness.ts'

/** The generated values, by the numbers in their names. */
export interface NumberedValues {
  command(number: number): unknown
  query?(number: number): unknown
}

/** The length from which a state takes several lines. */
const STATE_LINE_LETTERS = 50

/** The name stands behind each value, because the rest of a report uses it. */
export function userTexts<Command, Result>(
  { resultCodec, answerCodec }: MachineSpec<Command, Result>,
  values: NumberedValues,
): MachineTexts {
  const decodeResult = (bytes: Uint8Array): unknown => resultCodec.decode(bytes)
  const numberOf = (name: string): number => Number(name.slice(1))
  return {
    command: (name) => `${formatValue(values.command(numberOf(name)))} (${name})`,
    query: (name) => (values.query === undefined ? name : `${formatValue(values.query(numberOf(name)))} (${name})`),
    result: (result) => formatBytes(bytesOf(result), decodeResult),
    answer: (answer) => formatBytes(bytesOf(answer), (bytes) => answerCodec.decode(bytes)),
    results: (one, other) => formatBoth(bytesOf(one), bytesOf(other), decodeResult),
    state: (state) => formatBytes(bytesOf(state), undefined, STATE_LINE_LETTERS),
    states: (one, other) => formatBoth(bytesOf(one), bytesOf(other)),
  }
}

function bytesOf(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1')
}

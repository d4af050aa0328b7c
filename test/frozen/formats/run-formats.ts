/** What the testing kit stores: run files and recordings. */
import { readFile } from 'node:fs/promises'
import { checkRecording } from '../../../src/testing/recordings/check-recording.ts'
import { parseObservation, RECORDING_FORMAT, recordingLine } from '../../../src/testing/recordings/recording.ts'
import { replayRun } from '../../../src/testing/run-files/replay-run.ts'
import { formatRun, parseRun } from '../../../src/testing/run-files/run-file.ts'
import type { FrozenFormat } from '../fixture-file.ts'

/** A run with every call and fault. */
const RUN = new URL('../../runs/every-call-and-fault-once.txt', import.meta.url)
/** The start of the recording that is kept. */
const RECORDED_LINES = 120

const sampleRun = async (): Promise<string> => formatRun(parseRun(await readFile(RUN, 'utf8')))

export const runFiles: FrozenFormat = {
  name: 'run-file',
  samples: async () => [{ name: 'run file', bytes: Buffer.from(await sampleRun()) }],
  read: (bytes) => parseRun(bytes.toString()),
  rewrite: (bytes) => Buffer.from(formatRun(parseRun(bytes.toString()))),
}

const linesOf = (bytes: Buffer): string[] => bytes.toString().trimEnd().split('\n')

export const recordings: FrozenFormat = {
  name: 'recording',
  samples: async () => {
    const lines: string[] = []
    await replayRun(await sampleRun(), { isTraced: false, record: (line) => void lines.push(line) })
    return [{ name: 'recording', bytes: Buffer.from(`${lines.slice(0, RECORDED_LINES).join('\n')}\n`) }]
  },
  read: async (bytes) => {
    const [, ...lines] = linesOf(bytes)
    return {
      verdict: await checkRecording(linesOf(bytes)),
      types: lines.map((line, at) => parseObservation(line, at + 2).type),
    }
  },
  rewrite: (bytes) => {
    const [, ...lines] = linesOf(bytes)
    const rewritten = lines.map((line, at) => recordingLine(parseObservation(line, at + 2)))
    return Buffer.from(`${[RECORDING_FORMAT, ...rewritten].join('\n')}\n`)
  },
}

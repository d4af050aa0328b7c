/** A recording in, a verdict out: the promises of safety, judged over what was written down, wherever it comes from. */
import type { Property } from '../properties/property.ts'
import { PropertyViolation } from '../properties/property.ts'
import { PropertyMonitor, SAFETY } from '../properties/safety.ts'
import { checkRecordingFormat, parseObservation, recordingError } from './recording.ts'

/** What came of judging a recording. */
export interface RecordingVerdict {
  /** How many observations were judged: all of them, or up to the one that broke a promise. */
  readonly observations: number
  /** The promise that was broken first, and how; undefined if all were kept. */
  readonly violation: PropertyViolation | undefined
  /** The line of the file that broke it. */
  readonly line: number | undefined
}

/**
 * Judges the lines of a recording, one after the other, and keeps none of them. Throws ERR_RAFT_RUN_FILE for what cannot be judged.
 *
 * ```ts
 * const { broken } = await judgeRecording(createInterface({ input: createReadStream('run.jsonl') }))
 * ```
 */
export async function checkRecording(
  lines: Iterable<string> | AsyncIterable<string>,
  properties: readonly Property[] = SAFETY,
): Promise<RecordingVerdict> {
  const monitor = new PropertyMonitor(properties)
  let line = 0
  let observations = 0
  for await (const text of lines) {
    line++
    if (line === 1) checkRecordingFormat(text)
    else if (text.trim() !== '') {
      const broken = checkLine(monitor, text, line)
      observations++
      if (broken !== undefined) return { observations, violation: broken, line }
    }
  }
  if (line === 0) throw recordingError('it is empty', 1)
  return { observations, violation: undefined, line: undefined }
}

function checkLine(watch: PropertyMonitor, text: string, line: number): PropertyViolation | undefined {
  const observation = parseObservation(text, line)
  try {
    watch.observe(observation)
    return undefined
  } catch (error) {
    if (error instanceof PropertyViolation) return error
    throw recordingError(
      `the observation '${observation.type}' cannot be understood: ${(error as Error).message}`,
      line,
    )
  }
}

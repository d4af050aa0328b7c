/** Checks the safety properties over a recording, without running anything. */
import { ALL_PROPERTIES } from '../properties/properties.ts'
import type { Property } from '../properties/property.ts'
import { PropertyViolation } from '../properties/property.ts'
import { PropertyMonitor } from '../properties/property-monitor.ts'
import { checkRecordingFormat, parseObservation, recordingError } from './recording.ts'

/** The result of checking a recording. */
export interface RecordingVerdict {
  /** The number of observations checked: all of them, or those up to the violation. */
  readonly observations: number
  /** The first violation; undefined if all properties hold. */
  readonly violation: PropertyViolation | undefined
  /** The line number of the violation. */
  readonly line: number | undefined
}

/**
 * Checks the lines of a recording one after the other, without keeping them. Rejects with ERR_RAFT_RUN_FILE if a line is invalid.
 *
 * ```ts
 * const { violation } = await checkRecording(createInterface({ input: createReadStream('run.jsonl') }))
 * ```
 */
export async function checkRecording(
  lines: Iterable<string> | AsyncIterable<string>,
  properties: readonly Property[] = ALL_PROPERTIES,
): Promise<RecordingVerdict> {
  const monitor = new PropertyMonitor(properties)
  let line = 0
  let observations = 0
  for await (const text of lines) {
    line++
    if (line === 1) checkRecordingFormat(text)
    else if (text.trim() !== '') {
      const violation = checkLine(monitor, text, line)
      observations++
      if (violation !== undefined) return { observations, violation, line }
    }
  }
  if (line === 0) throw recordingError('the file is empty', 1)
  return { observations, violation: undefined, line: undefined }
}

function checkLine(monitor: PropertyMonitor, text: string, line: number): PropertyViolation | undefined {
  const observation = parseObservation(text, line)
  try {
    monitor.observe(observation)
    return undefined
  } catch (error) {
    if (error instanceof PropertyViolation) return error
    throw recordingError(`invalid observation '${observation.type}': ${(error as Error).message}`, line)
  }
}

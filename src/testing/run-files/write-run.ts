/** Writes a failed run down where it can be found again. */
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SimulationOptions } from '../simulate.ts'
import type { FinishedRun } from './outcome.ts'
import { failureName, needsOf, runSpecOf } from './outcome.ts'
import { formatRun, parseRun } from './run-file.ts'

/** Where failed runs are written, unless said otherwise. */
export const RUNS_DIRECTORY: string = join(tmpdir(), 'quorate-runs')

/** Gives the path, or says why there is no file: what failed must be told in any case. */
export async function writeRun(
  options: SimulationOptions,
  { history, outcome }: FinishedRun,
  directory: string,
): Promise<{ readonly path: string } | { readonly reason: string }> {
  try {
    const text = formatRun({ run: runSpecOf(options), needs: needsOf(options), outcome })
    // What cannot be read back (a setting that is no data) is better said now.
    parseRun(text)
    await mkdir(directory, { recursive: true })
    const path = join(directory, `${failureName(history.failure)}-seed-${options.seed}.txt`)
    await writeFile(path, text)
    return { path }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

/** Writes the run file of a failed run, and the pages that show it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SimulationOptions } from '../simulate.ts'
import type { FinishedRun } from './outcome.ts'
import { failureName, needsOf, runSpecOf } from './outcome.ts'
import { formatRun, parseRun } from './run-file.ts'
import type { WrittenPage } from './write-pages.ts'
import { writePages } from './write-pages.ts'

/** The default directory for run files of failed runs. */
export const RUNS_DIRECTORY: string = join(tmpdir(), 'quorate-runs')

export interface WrittenRun {
  readonly path: string
  /** The pages, or the reason why there are none. */
  readonly pages: readonly WrittenPage[] | string
}

/** Returns the path, or the reason why there is no file. It does not throw, because the failure itself must be reported in any case. */
export async function writeRun(
  options: SimulationOptions,
  { result, outcome }: FinishedRun,
  directory: string,
): Promise<WrittenRun | { readonly reason: string }> {
  try {
    const text = formatRun({ run: runSpecOf(options), needs: needsOf(options), outcome })
    // Report now what cannot be parsed again, for example a setting that is not plain data.
    parseRun(text)
    await mkdir(directory, { recursive: true })
    const path = join(directory, `${failureName(result.failure)}-seed-${options.seed}.txt`)
    await writeFile(path, text)
    const pages = writePages(result, path.replace(/\.txt$/, '.html'), text)
    return { path, pages: await pages.catch((error: Error) => error.message) }
  } catch (error) {
    return { reason: (error as Error).message }
  }
}

/** Writes the pages that show a run in a browser: its diagram, and the counterexample if the history of calls is not linearizable. */
import { writeFile } from 'node:fs/promises'
import { PropertyViolation } from '../properties/property.ts'
import type { SimulationResult } from '../simulate.ts'

export interface WrittenPage {
  readonly shows: 'run' | 'calls'
  readonly path: string
}

/** `path` is the path of the page of the run, and ends with `.html`. `runFile` is the text of the run file. Rejects if a file cannot be written. */
export async function writePages(
  { html, failure }: Pick<SimulationResult, 'html' | 'failure'>,
  path: string,
  runFile: string,
): Promise<WrittenPage[]> {
  const pages: WrittenPage[] = []
  const write = async (page: WrittenPage, text: string | undefined): Promise<void> => {
    if (text === undefined) return
    await writeFile(page.path, text)
    pages.push(page)
  }
  await write({ shows: 'run', path }, await html?.(runFile))
  const calls = failure instanceof PropertyViolation ? failure.html?.() : undefined
  await write({ shows: 'calls', path: path.replace(/(\.html)?$/, '-calls.html') }, calls)
  return pages
}

/** A sentence for each page. */
export function pageLines(pages: readonly WrittenPage[]): string[] {
  return pages.map(({ shows, path }) => `To see the ${shows} in a browser: ${path}`)
}

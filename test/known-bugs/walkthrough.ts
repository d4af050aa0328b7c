/** Shows one known bug from end to end: a generated run finds it, is shrunk and written to a file, and the file is replayed with and without it. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ReplayResult } from '../../src/testing/run-files/replay-run.ts'
import { buildMutant } from './build-mutant.ts'
import type { KnownBug } from './known-bug.ts'

const RUNS_MAX = 2000
const SEED = 7
/** Far above the default, because the shortest possible run is worth the time here. */
const SHRINKS_MAX = 3000
/** How many lines of the trace are printed. */
const LINES_SHOWN = 14

export async function walkThrough(bug: KnownBug, print: (line: string) => void): Promise<void> {
  const { name, does, system, edits } = bug
  print(`A node that ${does} (${system}).`)
  for (const { file, from, to } of edits) {
    print(`\n${file}`)
    for (const line of from.trimEnd().split('\n')) print(`- ${line}`)
    for (const line of to.trimEnd().split('\n')) print(`+ ${line}`)
  }
  const directory = await mkdtemp(join(tmpdir(), 'quorate-known-bugs-'))
  try {
    const mutant = await buildMutant(name, edits)
    const failure = await mutant.checkRuns({ runs: RUNS_MAX, seed: SEED, shrinksMax: SHRINKS_MAX, directory }).then(
      ({ runs }) => {
        throw new Error(`${runs} generated runs did not show the bug`)
      },
      (error: Error) => error.message,
    )
    print(`\ncheckRuns({ runs: ${RUNS_MAX}, seed: ${SEED} }) throws:\n`)
    printEnds(failure, print)
    const file = (await readdir(directory)).find((each) => each.endsWith('.txt'))
    const text = await readFile(join(directory, file as string), 'utf8')
    print(`\nThe run file that it wrote, ${file}:\n`)
    for (const line of text.trimEnd().split('\n')) print(line)
    print('\nThe file replayed with the bug:')
    print(verdictOf(await mutant.replayRun(text)))
    print('The file replayed without it:')
    print(verdictOf(await (await buildMutant('correct', [])).replayRun(text)))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Prints the violated property and the end of the trace. */
function printEnds(failure: string, print: (line: string) => void): void {
  const [head = '', ...rest] = failure.split('\n')
  print(head)
  const lines = rest.filter((line) => line !== '')
  print('…')
  for (const line of lines.slice(-LINES_SHOWN)) print(line)
}

function verdictOf({ outcome, isSame }: ReplayResult): string {
  return `${outcome.verdict}\nstate ${outcome.state}, ${isSame === true ? 'the same as' : 'different from'} the file`
}

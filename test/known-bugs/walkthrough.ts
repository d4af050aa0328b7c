/** One bug from end to end: found by drawn runs, told as a short one, written to a file, replayed from it, and by healthy nodes. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Replay } from '../../src/testing/run-files/replay-run.ts'
import { buildMutant } from './build-mutant.ts'
import type { KnownBug } from './known-bug.ts'

const RUNS_MAX = 2000
const SEED = 7
/** Patience is cheap here: a short story is what it is for. */
const SHRINKS_MAX = 3000
/** The end of the trace that is shown. */
const LINES_SHOWN = 14

/** What a person would have seen, line by line. */
export async function walkThrough(bug: KnownBug, print: (line: string) => void): Promise<void> {
  const { name, does, system, edits } = bug
  print(`A node that ${does} (${system}).`)
  for (const { file, from, to } of edits) {
    print(`\n${file}`)
    for (const line of from.trimEnd().split('\n')) print(`- ${line}`)
    for (const line of to.trimEnd().split('\n')) print(`+ ${line}`)
  }
  const directory = await mkdtemp(join(tmpdir(), 'quorate-museum-'))
  try {
    const mutant = await buildMutant(name, edits)
    const report = await mutant.checkRuns({ runs: RUNS_MAX, seed: SEED, shrinksMax: SHRINKS_MAX, directory }).then(
      ({ runs }) => {
        throw new Error(`${runs} drawn runs did not show it`)
      },
      (error: Error) => error.message,
    )
    print(`\ncheckRuns({ runs: ${RUNS_MAX}, seed: ${SEED} }) throws:\n`)
    printEnds(report, print)
    const [file] = await readdir(directory)
    const text = await readFile(join(directory, file as string), 'utf8')
    print(`\nThe file it has written, ${file}:\n`)
    for (const line of text.trimEnd().split('\n')) print(line)
    print('\nReplayed from the file by the same nodes:')
    print(verdictOf(await mutant.replayRun(text)))
    print('Replayed by healthy ones:')
    print(verdictOf(await (await buildMutant('healthy', [])).replayRun(text)))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** What was broken, and the last lines of the trace, as they led to it. */
function printEnds(report: string, print: (line: string) => void): void {
  const [head = '', ...rest] = report.split('\n')
  print(head)
  const lines = rest.filter((line) => line !== '')
  print('…')
  for (const line of lines.slice(-LINES_SHOWN)) print(line)
}

function verdictOf({ outcome, isSame }: Replay): string {
  return `${outcome.verdict}\nstate ${outcome.state}, ${isSame === true ? 'the same as' : 'not that of'} the file`
}

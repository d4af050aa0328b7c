/** One bug from end to end: found by drawn runs, told as a short one, written to a file, replayed from it, and by healthy nodes. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Replay } from '../../src/testing/run-files/replay-run.ts'
import type { Exhibit } from './exhibit.ts'
import { forge } from './forge.ts'

const RUNS_MAX = 2000
const STORY_SEED = 7
/** Patience is cheap here: a short story is what it is for. */
const SHRINKS_MAX = 3000
/** The end of the trace that is shown. */
const LINES_SHOWN = 14

/** What a person would have seen, line by line. */
export async function tell(exhibit: Exhibit, say: (line: string) => void): Promise<void> {
  const { name, does, system, edits } = exhibit
  say(`A node that ${does} (${system}).`)
  for (const { file, from, to } of edits) {
    say(`\n${file}`)
    for (const line of from.trimEnd().split('\n')) say(`- ${line}`)
    for (const line of to.trimEnd().split('\n')) say(`+ ${line}`)
  }
  const directory = await mkdtemp(join(tmpdir(), 'quorate-museum-'))
  try {
    const sick = await forge(name, edits)
    const report = await sick.checkRuns({ runs: RUNS_MAX, seed: STORY_SEED, shrinksMax: SHRINKS_MAX, directory }).then(
      ({ runs }) => {
        throw new Error(`${runs} drawn runs did not show it`)
      },
      (error: Error) => error.message,
    )
    say(`\ncheckRuns({ runs: ${RUNS_MAX}, seed: ${STORY_SEED} }) throws:\n`)
    sayEnds(report, say)
    const [file] = await readdir(directory)
    const text = await readFile(join(directory, file as string), 'utf8')
    say(`\nThe file it has written, ${file}:\n`)
    for (const line of text.trimEnd().split('\n')) say(line)
    say('\nReplayed from the file by the same nodes:')
    say(verdictOf(await sick.replayRun(text)))
    say('Replayed by healthy ones:')
    say(verdictOf(await (await forge('healthy', [])).replayRun(text)))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** What was broken, and the last lines of the trace, as they led to it. */
function sayEnds(report: string, say: (line: string) => void): void {
  const [head = '', ...rest] = report.split('\n')
  say(head)
  const lines = rest.filter((line) => line !== '')
  say('…')
  for (const line of lines.slice(-LINES_SHOWN)) say(line)
}

function verdictOf({ outcome, isSame }: Replay): string {
  return `${outcome.verdict}\nstate ${outcome.state}, ${isSame === true ? 'the same as' : 'not that of'} the file`
}

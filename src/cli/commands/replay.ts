/** `quorate replay`: replays a run or scenario file and compares the outcome with the file, or checks a recording. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { ReplayResult } from '../../testing/run-files/replay-run.ts'
import type { NodeState } from '../../testing/simulation/world-state.ts'
import { CommandFailure } from '../command-failure.ts'
import { EXIT } from '../exit-codes.ts'
import type { Terminal } from '../terminal.ts'
import type { ReplayPosition } from '../text-values.ts'
import { createStepper, formatNode } from './replay-steps.ts'

export interface ReplayFlags {
  readonly until?: ReplayPosition
  readonly print?: string
  readonly step?: boolean
  readonly trace?: boolean
  readonly record?: string
  readonly html?: string
  readonly output: 'text' | 'json'
}

/** Lines of the trace that are printed without --trace. */
const TRACE_LINES = 20
/** The format line and the column headings. */
const HEADER_LINES = 2

/** Exit code 0: the outcome is the one in the file, or the file has none. 1: it differs. */
export async function replay(path: string, flags: ReplayFlags, terminal: Terminal): Promise<number> {
  const text = await readInput(path)
  const { kindOf } = await import('../../testing/text/first-line.ts')
  const kind = kindOf(text)
  if (kind === 'run') return replayRunFile(path, text, flags, terminal)
  assertNoRunFlags(path, kind, flags)
  return kind === 'scenario' ? replayScenario(path, text, flags, terminal) : checkRecordingText(text, flags, terminal)
}

async function replayRunFile(path: string, text: string, flags: ReplayFlags, terminal: Terminal): Promise<number> {
  const { replayRun } = await import('../../testing/run-files/replay-run.ts')
  const { until, print, step = false } = flags
  const steps = step ? createStepper(terminal) : undefined
  const lines: string[] = []
  const record = flags.record === undefined ? undefined : (line: string) => void lines.push(line)
  const replayed = await replayRun(text, { until, onStep: steps?.observer, record })
  steps?.end()
  if (flags.record !== undefined) await writeRecording(flags.record, `${lines.join('\n')}\n`)
  const node = print === undefined ? undefined : nodeOf(replayed, print)
  const { pages, lines: pageLines } = await showInBrowser(path, replayed, flags.html)
  if (flags.output === 'json') terminal.out(`${JSON.stringify({ ...jsonReport(replayed, node, flags), pages })}\n`)
  else {
    if (!step) terminal.out(`${traceLines(replayed, flags.trace === true).join('\n')}\n\n`)
    if (node !== undefined) terminal.out(`${formatNode(node)}\n\n`)
    terminal.out(`${[...summary(path, replayed), ...pageLines].join('\n')}\n`)
  }
  return replayed.isSame === false ? EXIT.failure : EXIT.ok
}

/** Writes the pages to the file of --html; without the flag, those of a failed run to the directory of failed runs. */
async function showInBrowser(
  path: string,
  replayed: ReplayResult,
  file: string | undefined,
): Promise<{ readonly pages: string[] | undefined; readonly lines: string[] }> {
  if (file === undefined && replayed.failure === undefined) return { pages: undefined, lines: [] }
  const { pageLines, writePages } = await import('../../testing/run-files/write-pages.ts')
  const { RUNS_DIRECTORY } = await import('../../testing/run-files/write-run.ts')
  try {
    if (file === undefined) await mkdir(RUNS_DIRECTORY, { recursive: true })
    const target = file ?? join(RUNS_DIRECTORY, `${basename(path, '.txt')}.html`)
    const pages = await writePages(replayed, target, replayed.text)
    return { pages: pages.map((page) => page.path), lines: pageLines(pages) }
  } catch (error) {
    const problem = `the page for a browser cannot be written: ${(error as Error).message}`
    if (file === undefined) return { pages: undefined, lines: [problem] }
    throw new CommandFailure(problem, {
      exitCode: EXIT.usage,
      hint: 'Give --html a file in an existing directory with write permission.',
    })
  }
}

/** Exit code 0: every property holds. 1: one is violated. */
async function checkRecordingText(text: string, flags: ReplayFlags, terminal: Terminal): Promise<number> {
  const { checkRecording } = await import('../../testing/recordings/check-recording.ts')
  const { observations, violation, line } = await checkRecording(text.split(/\r?\n/))
  const verdict =
    violation === undefined ? `kept by all ${observations} observations` : `line ${line}: ${violation.message}`
  if (flags.output === 'json') {
    const facts = { observations, verdict, broken: violation?.property.id, line }
    terminal.out(`${JSON.stringify({ schema: 'quorate.replay/v1', kind: 'recording', ...facts })}\n`)
  } else terminal.out(`${verdict}\n`)
  return violation === undefined ? EXIT.ok : EXIT.failure
}

/** Only a run has events, simulated time and nodes. */
function assertNoRunFlags(path: string, kind: 'scenario' | 'recording', flags: ReplayFlags): void {
  const given = (['until', 'print', 'step', 'record', 'html'] as const).filter((flag) => flags[flag] !== undefined)
  if (given.length === 0) return
  const what = kind === 'scenario' ? 'a scenario' : 'a recording, which is checked without running nodes'
  throw new CommandFailure(`${path} is ${what}: it has no events, no simulated time and no nodes to print`, {
    exitCode: EXIT.usage,
    hint: `Omit ${given.map((flag) => `--${flag}`).join(', ')}.`,
  })
}

async function replayScenario(path: string, text: string, flags: ReplayFlags, terminal: Terminal): Promise<number> {
  const { scenario } = await import('../../testing/scenario.ts')
  const now = scenario(text)
  const isSame = now === text
  if (flags.output === 'json')
    terminal.out(`${JSON.stringify({ schema: 'quorate.replay/v1', kind: 'scenario', isSame, text: now })}\n`)
  else terminal.out(`${now}\n${isSame ? `as in ${basename(path)}` : firstDifferentLine(text, now)}\n`)
  return isSame ? EXIT.ok : EXIT.failure
}

async function readInput(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new CommandFailure(`${path} cannot be read: ${(error as Error).message}`, {
      exitCode: EXIT.usage,
      hint: 'Give the path of a run file, a scenario or a recording; a failed check prints the path of the file it wrote.',
    })
  }
}

async function writeRecording(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text)
  } catch (error) {
    throw new CommandFailure(`the recording cannot be written: ${(error as Error).message}`, {
      exitCode: EXIT.usage,
      hint: 'Give --record a file in an existing directory with write permission.',
    })
  }
}

function nodeOf({ state }: ReplayResult, id: string): NodeState {
  const node = state.nodes.find((each) => each.id === id)
  if (node !== undefined) return node
  throw new CommandFailure(
    `there is no node ${id} in this run; there are ${state.nodes.map((each) => each.id).join(', ')}`,
    {
      exitCode: EXIT.usage,
    },
  )
}

function traceLines({ trace = '' }: ReplayResult, isWhole: boolean): string[] {
  const lines = trace.trimEnd().split('\n')
  const left = lines.length - HEADER_LINES - TRACE_LINES
  if (isWhole || left <= 0) return lines
  return [
    ...lines.slice(0, HEADER_LINES),
    `  … ${left} earlier lines (--trace prints all)`,
    ...lines.slice(-TRACE_LINES),
  ]
}

function summary(path: string, { outcome, expected, isSame, isStopped, event, timeUs }: ReplayResult): string[] {
  const lines = isStopped ? [`stopped after event ${event}, at ${timeUs / 1000} ms`] : [outcome.verdict]
  lines.push(`state ${outcome.state}`)
  if (isStopped) return lines
  if (expected === undefined) return [...lines, `${basename(path)} contains no expected outcome`]
  if (isSame === true) return [...lines, `as in ${basename(path)}`]
  return [...lines, `different in ${basename(path)}: ${expected.verdict}`, `                state ${expected.state}`]
}

function jsonReport(replayed: ReplayResult, node: object | undefined, flags: ReplayFlags): object {
  const { outcome, expected, isSame, isStopped, event, timeUs, trace = '' } = replayed
  const facts = { event, timeUs, verdict: isStopped ? undefined : outcome.verdict, state: outcome.state }
  const lines = flags.trace === true ? { trace: trace.trimEnd().split('\n') } : {}
  return { schema: 'quorate.replay/v1', kind: 'run', ...facts, isStopped, expected, isSame, node, ...lines }
}

function firstDifferentLine(expected: string, now: string): string {
  const before = expected.split('\n')
  const at = now.split('\n').findIndex((line, number) => line !== before[number])
  return at < 0
    ? 'the file continues where this output ends'
    : `line ${at + 1} is different in the file: ${before[at] ?? '(the file ends before it)'}`
}

/** Told scenarios: a few bare cores driven by a text, which answers with their inputs and effects. */
import { PropertyViolation } from './properties/property.ts'
import { COMMANDS } from './scenario/commands.ts'
import { ScenarioRunner } from './scenario/scenario-runner.ts'
import type { Paragraph } from './scenario/script.ts'
import { formatScript, parseScript } from './scenario/script.ts'
import { checkFirstLine, fileError } from './text/first-line.ts'

/**
 * Plays a scenario and returns its text with the answers that the nodes give: equal to `text` if they give those written down.
 * Every promise of safety is judged meanwhile; a broken one is answered in its sentence. Throws a RaftError (ERR_RAFT_RUN_FILE)
 * for a text whose first line names something else or a later version, or that does not begin with a command.
 *
 * ```ts
 * const text = await readFile('elections.txt', 'utf8')
 * assert.equal(scenario(text), text)
 * ```
 */
export function scenario(text: string): string {
  checkFirstLine(text, 'scenario')
  const script = parseScript(text)
  checkFirstCommand(script)
  const runner = new ScenarioRunner()
  const paragraphs = script.map((paragraph) => {
    for (const command of paragraph.commands) runCommand(runner, command)
    const output = runner.takeLines()
    return { ...paragraph, answer: output.length === 0 ? ['ok'] : output }
  })
  return formatScript(paragraphs)
}

/** What does not even begin with a command is some other text. */
function checkFirstCommand(script: readonly Paragraph[]): void {
  const name = script.flatMap(({ commands }) => commands)[0]?.[0]
  if (name !== undefined && Object.hasOwn(COMMANDS, name)) return
  const why = name === undefined ? 'there is nothing in it to play' : `it begins with '${name}', which is no command`
  throw fileError(`it is no told scenario: ${why}`, {
    hint: 'Give a run file, a told scenario or a recording; docs/reference/run-files.md tells them apart.',
  })
}

function runCommand(runner: ScenarioRunner, [name = '', ...words]: readonly string[]): void {
  try {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) throw new Error(`there is no command '${name}'`)
    command(runner, words)
  } catch (error) {
    const { isQuiet } = runner
    runner.isQuiet = false
    runner.printLine(
      error instanceof PropertyViolation ? `BROKEN: ${error.message}` : `error: ${(error as Error).message}`,
    )
    runner.isQuiet = isQuiet
  }
}

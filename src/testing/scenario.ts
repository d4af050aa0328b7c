/** Scenarios: text files of commands for a few bare cores, with the expected output of each paragraph. */
import { PropertyViolation } from './properties/property.ts'
import { COMMANDS } from './scenario/commands.ts'
import { ScenarioRunner } from './scenario/scenario-runner.ts'
import type { Paragraph } from './scenario/script.ts'
import { formatScript, parseScript } from './scenario/script.ts'
import { checkFirstLine, fileError } from './text/first-line.ts'

/**
 * Runs a scenario and returns its text with the actual output: equal to `text` if all output is as expected. The safety properties are
 * checked at every step; a violation is part of the output. Throws ERR_RAFT_RUN_FILE if the first line names another format or a
 * later version, or if the text does not start with a command.
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
    return { ...paragraph, output: output.length === 0 ? ['ok'] : output }
  })
  return formatScript(paragraphs)
}

/** Throws unless the first word is a command: other texts are probably not scenarios. */
function checkFirstCommand(script: readonly Paragraph[]): void {
  const name = script.flatMap(({ commands }) => commands)[0]?.[0]
  if (name !== undefined && Object.hasOwn(COMMANDS, name)) return
  const why = name === undefined ? 'it contains no command' : `its first word '${name}' is not a command`
  throw fileError(`it is not a scenario: ${why}`, {
    hint: 'Pass a run file, a scenario or a recording; docs/reference/run-files.md describes all three.',
  })
}

function runCommand(runner: ScenarioRunner, [name = '', ...words]: readonly string[]): void {
  try {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) throw new Error(`unknown command '${name}'`)
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

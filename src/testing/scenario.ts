/** Told scenarios: a few bare cores driven by a text, which answers with their inputs and effects. */
import { BrokenPromise } from './properties/property.ts'
import { COMMANDS } from './scenario/commands.ts'
import type { Paragraph } from './scenario/script.ts'
import { parseScript, renderScript } from './scenario/script.ts'
import { Stage } from './scenario/stage.ts'
import { checkFirstLine, fileError } from './told-runs/first-line.ts'

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
  const asked = parseScript(text)
  checkFirstCommand(asked)
  const stage = new Stage()
  const paragraphs = asked.map((paragraph) => {
    for (const command of paragraph.commands) perform(stage, command)
    const answer = stage.takeLines()
    return { ...paragraph, answer: answer.length === 0 ? ['ok'] : answer }
  })
  return renderScript(paragraphs)
}

/** What does not even begin with a command is some other text. */
function checkFirstCommand(asked: readonly Paragraph[]): void {
  const name = asked.flatMap(({ commands }) => commands)[0]?.[0]
  if (name !== undefined && Object.hasOwn(COMMANDS, name)) return
  const why = name === undefined ? 'there is nothing in it to play' : `it begins with '${name}', which is no command`
  throw fileError(`it is no told scenario: ${why}`, {
    hint: 'Give a run file, a told scenario or a recording; docs/reference/run-files.md tells them apart.',
  })
}

function perform(stage: Stage, [name = '', ...words]: readonly string[]): void {
  try {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) throw new Error(`there is no command '${name}'`)
    command(stage, words)
  } catch (error) {
    const { isQuiet } = stage
    stage.isQuiet = false
    stage.say(error instanceof BrokenPromise ? `BROKEN: ${error.message}` : `error: ${(error as Error).message}`)
    stage.isQuiet = isQuiet
  }
}

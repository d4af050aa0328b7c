/** Every command that a hint, a message or a page of the documentation names is one that the command line accepts. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { CommanderError } from 'commander'
import { buildProgram } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

const ROOT = join(import.meta.dirname, '..', '..')

/** Where `quorate` is the name of the library, or starts the text of a format. */
const PROSE = /^(only|reads|wrote|on|or|that|cluster secret|recording|run$|trace$)\b/

describe('a command', () => {
  it('in a hint or message of the source is accepted', () =>
    assertAccepted(textsBelow('src', '.ts').map(({ file, text }) => ({ file, text: withoutComments(text) }))))

  it('in the code of the documentation is accepted', () =>
    assertAccepted(
      textsBelow('docs', '.md').map(({ file, text }) => ({ file, text: codeOf(text).replaceAll('\\\n', ' ') })),
    ))

  for (const { text, problem } of [
    { text: 'hint: `quorate cert node n1 --cluster kv`', problem: 'unknown option' },
    { text: 'hint: `quorate members list`', problem: 'unknown command' },
    { text: 'hint: `quorate member drop n1`', problem: 'unknown command' },
    { text: 'hint: `quorate leader transfer n1 n2`', problem: 'too many arguments' },
  ])
    it(`is not, if it is ${text.slice(6)}`, async () => {
      const [command] = commandsIn(text)
      assert.ok((await problemOf(command ?? ''))?.includes(problem))
    })
})

interface SourceText {
  readonly file: string
  readonly text: string
}

async function assertAccepted(sources: readonly SourceText[]): Promise<void> {
  const found = sources.flatMap(({ file, text }) => commandsIn(text).map((command) => ({ file, command })))
  assert.ok(found.length > 20, `only ${found.length} commands found`)
  const problems: string[] = []
  for (const { file, command } of found) {
    const problem = await problemOf(command)
    if (problem !== undefined) problems.push(`${file}: quorate ${command}: ${problem}`)
  }
  assert.deepEqual(problems, [])
}

function textsBelow(folder: string, extension: string): SourceText[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension))
    .map((name) => ({ file: join(folder, name), text: readFileSync(join(ROOT, folder, name), 'utf8') }))
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

function codeOf(page: string): string {
  return [...page.matchAll(/^```(?:sh|console)?\n([\s\S]*?)^```|`(quorate [^`]*)`/gm)]
    .map(([, block, span]) => block ?? span)
    .join('\n')
}

/** What follows `quorate`, up to the end of the text, of the quotation or of the clause. */
function commandsIn(text: string): string[] {
  return [...text.replace(/\$\{[^{}]*\}/g, 'X1').matchAll(/\bquorate ([a-z][^\n`"'();,|#&…\\]*)/g)]
    .map((match) => (match[1] as string).trim())
    .filter((command) => !PROSE.test(command))
}

/** Why the command line would refuse the command. Values that are left out, and placeholders for values, are no problem. */
async function problemOf(text: string): Promise<string | undefined> {
  const program = buildProgram(SILENT, '0.0.0', async () => undefined)
  silence(program)
  try {
    await program.parseAsync(argumentsIn(text, program), { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (!LEFT_OUT.includes(error.code)) return error.message
  }
  return undefined
}

const LEFT_OUT = [
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
  'commander.invalidArgument',
  'commander.help',
]

/** The words of the command without those of a sentence that continues after it: a value of an argument has a digit or a capital letter in it. */
function argumentsIn(text: string, program: Command): string[] {
  let command = program
  const words: string[] = []
  for (const word of text
    .split(/[.:](?:\s|$)/, 1)
    .join()
    .split(/\s+/)) {
    const inner = command.commands.find((each) => each.name() === word)
    const before = command.options.find((option) => [option.long, option.short].includes(words.at(-1)))
    const isValue = before?.required === true || /^-|[A-Z0-9]/.test(word) || command.commands.length > 0
    if (inner !== undefined) command = inner
    else if (!isValue) break
    words.push(word)
  }
  return words
}

function silence(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
  if (command.commands.length === 0) command.action(() => undefined)
  for (const each of command.commands) silence(each)
}

const SILENT: Terminal = {
  out: () => undefined,
  err: () => undefined,
  isTty: false,
  ask: async () => undefined,
  readInput: async () => new Uint8Array(0),
}

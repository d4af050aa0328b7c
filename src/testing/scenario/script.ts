/** Parses and formats scenario files: paragraphs of comments and commands, then `----` and the expected output. A blank line ends a paragraph. */

export interface Paragraph {
  /** The lines above the dashes unchanged, with comments. */
  readonly lines: readonly string[]
  readonly commands: readonly (readonly string[])[]
  readonly output: readonly string[]
}

const DASHES = '----'

export function parseScript(text: string): Paragraph[] {
  const paragraphs: Paragraph[] = []
  for (const chunk of text
    .replaceAll('\r\n', '\n')
    .trim()
    .split(/\n{2,}/)) {
    const lines = chunk.split('\n')
    const dashes = lines.indexOf(DASHES)
    const commandLines = dashes < 0 ? lines : lines.slice(0, dashes)
    const commands = commandLines.map(withoutComment).filter((line) => line !== '')
    paragraphs.push({
      lines: commandLines,
      commands: commands.map((line) => line.split(/\s+/)),
      output: dashes < 0 ? [] : lines.slice(dashes + 1),
    })
  }
  return paragraphs
}

/** Formats paragraphs with their output. A paragraph without commands has no output. */
export function formatScript(paragraphs: readonly Paragraph[]): string {
  const chunks = paragraphs.map(({ lines, commands, output }) =>
    (commands.length === 0 ? lines : [...lines, DASHES, ...output]).join('\n'),
  )
  return `${chunks.join('\n\n')}\n`
}

function withoutComment(line: string): string {
  return line.replace(/(^|\s)#.*$/, '').trim()
}

/** The input and output of a command: data on standard output, everything else on standard error. */

export interface Terminal {
  /** Writes data. */
  out(text: string | Uint8Array): void
  /** Writes progress, hints and errors. */
  err(text: string): void
  /** Standard output is a terminal. */
  readonly isTty: boolean
  /** Asks a question; undefined if standard input is not a terminal. */
  ask(question: string): Promise<string | undefined>
  /** Reads standard input to its end. */
  readInput(): Promise<Uint8Array>
}

export function processTerminal(): Terminal {
  // `quorate list | head` closes the pipe early, which is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isTty: process.stdout.isTTY === true,
    ask,
    readInput,
  }
}

async function ask(question: string): Promise<string | undefined> {
  if (process.stdin.isTTY !== true) return undefined
  const { createInterface } = await import('node:readline/promises')
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await prompt.question(question)
  } finally {
    prompt.close()
  }
}

async function readInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}

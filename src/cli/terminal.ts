/** Where a command reads and writes: data on one stream, everything else on the other. */

export interface Terminal {
  /** Data. */
  out(text: string | Uint8Array): void
  /** Progress, hints and errors. */
  err(text: string): void
  /** A person reads the data as it comes. */
  readonly isTty: boolean
  /** Asks a person; undefined if there is none to ask. */
  ask(question: string): Promise<string | undefined>
  /** All that is piped in. */
  readInput(): Promise<Uint8Array>
}

export function processTerminal(): Terminal {
  // `quorate list | head` closes the pipe early: nothing is wrong with that.
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

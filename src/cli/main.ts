#!/usr/bin/env node
/** The entry point of the `quorate` command. */
import { readFileSync } from 'node:fs'
import { tooFewDescriptors } from '../platform/descriptor-limit.ts'
import { errorJson, errorText } from './error-text.ts'
import { exitCodeOfNode } from './exit-codes.ts'

const EXIT_TIMEOUT_MS = 1000

async function main(args: readonly string[]): Promise<number> {
  // Loading the rest of the code already needs more descriptors than a very low limit has.
  const tooFew = tooFewDescriptors()
  if (tooFew !== undefined) {
    const exitCode = exitCodeOfNode(tooFew)
    const isJson = /(^| )(-o ?|--output[ =])json( |$)/.test(args.join(' '))
    process.stderr.write(isJson ? errorJson(tooFew, exitCode) : errorText(tooFew, 'node'))
    return exitCode
  }
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string
  }
  const [{ run }, { processTerminal }] = await Promise.all([import('./program.ts'), import('./terminal.ts')])
  return run(args, processTerminal(), version)
}

void main(process.argv.slice(2)).then((exitCode) => {
  process.exitCode = exitCode
  // The command is complete; do not wait for handles that are still open.
  setTimeout(() => process.exit(exitCode), EXIT_TIMEOUT_MS).unref()
})

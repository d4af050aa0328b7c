#!/usr/bin/env node
/** The entry point of the `quorate` command. */
import { readFileSync } from 'node:fs'
import { run } from './program.ts'
import { processTerminal } from './terminal.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}

const EXIT_TIMEOUT_MS = 1000

void run(process.argv.slice(2), processTerminal(), version).then((exitCode) => {
  process.exitCode = exitCode
  // The command is complete; do not wait for handles that are still open.
  setTimeout(() => process.exit(exitCode), EXIT_TIMEOUT_MS).unref()
})

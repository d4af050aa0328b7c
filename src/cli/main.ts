#!/usr/bin/env node
/** The `quorate` command: hands the words typed to the program, and its exit code to the shell. */
import { readFileSync } from 'node:fs'
import { run } from './program.ts'
import { processTerminal } from './terminal.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}

const LINGER_MS = 1000

void run(process.argv.slice(2), processTerminal(), version).then((exitCode) => {
  process.exitCode = exitCode
  // Whatever still holds the event loop then has nothing more to say.
  setTimeout(() => process.exit(exitCode), LINGER_MS).unref()
})

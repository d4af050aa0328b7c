/** Formats errors: as text for people and as JSON for programs. */
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isRaftError, type RaftError } from '../errors.ts'
import type { CommandFailure } from './command-failure.ts'
import { isCommandFailure } from './command-failure.ts'

/** The page with a section for every error code, in the package. */
const ERRORS_PAGE = 'docs/reference/errors.md'
const PACKAGE_FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** What failed: a command that called a cluster, or the node that this process runs. */
export type ErrorSource = 'command' | 'node'

/** Several lines: the message, then the outcome, the leader, a hint and a link to the documentation. */
export function errorText(error: unknown, source: ErrorSource): string {
  if (isCommandFailure(error)) return failureText(error)
  if (!isRaftError(error)) return `error: ${messageOf(error)}\n`
  const lines = [`error[${error.code}]: ${error.message}`]
  const facts = { ...(source === 'command' ? readableFacts(error) : {}), hint: error.hint, docs: docsPath(error) }
  const width = Math.max(...Object.keys(facts).map((name) => name.length)) + 1
  for (const [name, value] of Object.entries(facts))
    if (value !== undefined) lines.push(`  ${`${name}:`.padEnd(width)} ${value}`)
  return `${lines.join('\n')}\n`
}

function failureText({ message, hint }: CommandFailure): string {
  return `error: ${message}\n${hint === undefined ? '' : `  hint: ${hint}\n`}`
}

/** One line of JSON, schema `quorate.error/v1`. */
export function errorJson(error: unknown, exitCode: number): string {
  const facts = isRaftError(error) ? raftFacts(error) : otherFacts(error)
  return `${JSON.stringify({ schema: 'quorate.error/v1', exitCode, error: facts })}\n`
}

function raftFacts(error: RaftError): object {
  const { code, message, outcome, retryable, leader, hint, details } = error
  return { code, message, outcome, retryable, leader, hint, details, docs: docsLink(error) }
}

function otherFacts(error: unknown): object {
  if (isCommandFailure(error)) return { message: error.message, hint: error.hint }
  return { message: messageOf(error) }
}

function docsLink({ code }: RaftError): string {
  return `${ERRORS_PAGE}#${code.toLowerCase()}`
}

function docsPath(error: RaftError): string {
  return pathFrom(process.cwd(), PACKAGE_FOLDER, docsLink(error))
}

/** How a reader in this folder reaches a file of the package, if that is installed; in a checkout, its path in that. */
export function pathFrom(folder: string, packageFolder: string, file: string): string {
  if (!packageFolder.split(sep).includes('node_modules')) return file
  const path = relative(folder, join(packageFolder, file))
  return path.startsWith('..') || isAbsolute(path) ? join(packageFolder, file) : path
}

/** The facts that the message does not contain: the outcome if it is unknown, and the leader. */
function readableFacts(error: RaftError): Record<string, string | undefined> {
  const { leader, outcome } = error
  return {
    outcome:
      outcome === 'unknown'
        ? 'unknown: it may or may not have been applied; read the value before you retry'
        : undefined,
    leader: leader === undefined ? undefined : [leader.id, leader.address].filter(Boolean).join(' at '),
  }
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.stack ?? error.message
  return String(error)
}

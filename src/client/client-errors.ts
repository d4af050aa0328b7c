/** What a client says when it gives up: what every node answered, and who led last as far as anybody knew. */
import type { ErrorCode, LeaderHint } from '../errors.ts'
import { RaftError } from '../errors.ts'
import type { EndpointFailure } from './retry-plan.ts'

export interface Attempts {
  readonly failures: readonly EndpointFailure[]
  readonly leader: LeaderHint | undefined
  readonly waitedMs: number
  readonly attempts: number
}

/** Of a call whose time ran out while nothing worse than "not here" or "not now" was heard: it was surely not applied. */
export function attemptsExhausted({ failures, leader, waitedMs, attempts }: Attempts): RaftError {
  const code = overallCode(failures)
  const responses = failures.map(({ address, error }) => `${address} (${summarize(address, error)})`)
  const lastLeader = leader === undefined ? 'no leader was ever heard of' : `last leader known: ${formatLeader(leader)}`
  return new RaftError(
    code,
    `${MESSAGES[code] ?? 'not done'} within ${Math.round(waitedMs)} ms; ${lastLeader}; asked ${responses.join(', ')}`,
    {
      outcome: 'not-applied',
      leader,
      hint: HINTS[code],
      details: {
        attempts,
        waitedMs: Math.round(waitedMs),
        ...Object.fromEntries(failures.map(({ address, error }) => [address, error.code])),
      },
      cause: failures.at(-1)?.error,
    },
  )
}

/** The address is told already, and of a node that was not there the code says nothing more. */
function summarize(address: string, { code, message }: RaftError): string {
  const text = message.replace(`${address} cannot be reached: `, '').replace(` ${address}`, '')
  return code === 'ERR_RAFT_UNREACHABLE' ? text : `${code}: ${text}`
}

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  ERR_RAFT_UNREACHABLE: 'no endpoint could be reached',
  ERR_RAFT_NO_LEADER: 'no leader was found',
  ERR_RAFT_OVERLOADED: 'the cluster took no more',
  ERR_RAFT_TIMEOUT: 'no answer came',
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  ERR_RAFT_UNREACHABLE: 'are the nodes running, and are these their addresses?',
  ERR_RAFT_NO_LEADER: 'a leader needs a majority of the voters up and able to reach each other',
  ERR_RAFT_OVERLOADED: 'have fewer calls under way',
}

const NO_LEADER_CODES: readonly ErrorCode[] = [
  'ERR_RAFT_NO_LEADER',
  'ERR_RAFT_NOT_LEADER',
  'ERR_RAFT_LEADER_TRANSFERRING',
  'ERR_RAFT_LEADER_NOT_READY',
]

/** The one code for many answers: unreachable only if all are; leaderless if nobody who answered led; else the last word. */
function overallCode(answers: readonly EndpointFailure[]): ErrorCode {
  const codes = answers.map(({ error }) => error.code)
  const reached = codes.filter((code) => code !== 'ERR_RAFT_UNREACHABLE' && code !== 'ERR_RAFT_CLOSED')
  if (reached.length === 0) return 'ERR_RAFT_UNREACHABLE'
  if (reached.every((code) => NO_LEADER_CODES.includes(code))) return 'ERR_RAFT_NO_LEADER'
  return reached.findLast((code) => !NO_LEADER_CODES.includes(code)) as ErrorCode
}

function formatLeader({ id, address, term }: LeaderHint): string {
  return `${id}${address === undefined ? '' : ` at ${address}`}${term === undefined ? '' : ` in term ${term}`}`
}

export function abortedError(signal: AbortSignal): RaftError {
  return new RaftError('ERR_RAFT_ABORTED', 'aborted by the caller before anything took effect', {
    cause: signal.reason,
  })
}

export function closedError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the client was closed')
}

/** The errors of the client, including the summary of all attempts of a call. */
import type { ErrorCode, LeaderHint } from '../errors.ts'
import { RaftError } from '../errors.ts'
import type { EndpointFailure } from './retry-plan.ts'

export interface Attempts {
  readonly failures: readonly EndpointFailure[]
  readonly leader: LeaderHint | undefined
  /** The endpoint at which this client would call the leader, if it knows one. */
  readonly leaderAddress: string | undefined
  readonly waitedMs: number
  readonly attempts: number
}

/** The error of a call whose attempts all failed and were definitely not applied. */
export function attemptsExhausted({ failures, leader, leaderAddress, waitedMs, attempts }: Attempts): RaftError {
  const unreachableLeader = whyLeaderIsUnreachable(failures, leader, leaderAddress)
  const code = unreachableLeader === undefined ? overallCode(failures) : 'ERR_RAFT_UNREACHABLE'
  const responses = failures.map(({ address, error }) => `${address} (${summarize(address, error)})`)
  const lastLeader = leader === undefined ? 'no leader known' : `last leader known: ${formatLeader(leader)}`
  return new RaftError(
    code,
    `${unreachableLeader ?? MESSAGES[code] ?? 'the call failed'} within ${Math.round(waitedMs)} ms; ${lastLeader}; tried ${responses.join(', ')}`,
    {
      outcome: 'not-applied',
      leader,
      hint: unreachableLeader === undefined ? HINTS[code] : UNREACHABLE_LEADER_HINT,
      details: {
        ...(code === 'ERR_RAFT_LAGGING' ? failures.findLast(({ error }) => error.code === code)?.error.details : {}),
        attempts,
        waitedMs: Math.round(waitedMs),
        ...Object.fromEntries(failures.map(({ address, error }) => [address, error.code])),
      },
      cause: failures.at(-1)?.error,
    },
  )
}

/** If every node that was reached names the same leader and the leader itself could not be reached: says so. */
function whyLeaderIsUnreachable(
  failures: readonly EndpointFailure[],
  leader: LeaderHint | undefined,
  leaderAddress: string | undefined,
): string | undefined {
  if (leader === undefined) return undefined
  const reached = failures.filter(({ error }) => !isUnreached(error))
  if (reached.length === 0 || !reached.every(({ error }) => error.leader?.id === leader.id)) return undefined
  const { id, address = 'an unknown address' } = leader
  const own = failures.find((failure) => isUnreached(failure.error) && failure.address === leaderAddress)
  if (own === undefined && leaderAddress !== undefined) return undefined
  const why =
    own === undefined ? 'it is neither an endpoint nor an address of a member' : summarize(own.address, own.error)
  const at = own === undefined || own.address === address ? address : `${address} (${own.address} for this client)`
  return `${id} leads at ${at}, unreachable from here: ${why}; no leader was reached`
}

function isUnreached({ code }: RaftError): boolean {
  return code === 'ERR_RAFT_UNREACHABLE' || code === 'ERR_RAFT_CLOSED'
}

const UNREACHABLE_LEADER_HINT =
  'the cluster has a leader: check the network between this client and the leader, and the address that the leader advertises'

/** Leaves out the address, which precedes the text, and the code of an unreachable node, which adds nothing. */
function summarize(address: string, { code, message }: RaftError): string {
  const text = message.replace(`${address} cannot be reached: `, '').replace(` ${address}`, '')
  return code === 'ERR_RAFT_UNREACHABLE' ? text : `${code}: ${text}`
}

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  ERR_RAFT_UNREACHABLE: 'no endpoint could be reached',
  ERR_RAFT_NO_LEADER: 'no leader was found',
  ERR_RAFT_OVERLOADED: 'the cluster stayed overloaded',
  ERR_RAFT_TIMEOUT: 'no response arrived',
  ERR_RAFT_LAGGING: 'every node that was reached lags',
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  ERR_RAFT_UNREACHABLE:
    'check that the nodes are running, that the addresses are correct, and that all of them use TLS, or none does',
  ERR_RAFT_NO_LEADER: 'an election needs a majority of the voters running and connected to each other',
  ERR_RAFT_OVERLOADED: 'reduce the number of concurrent calls',
  ERR_RAFT_LAGGING:
    'allow more time; no node has an index of another cluster, or of one from before a backup was restored',
}

const NO_LEADER_CODES: readonly ErrorCode[] = [
  'ERR_RAFT_NO_LEADER',
  'ERR_RAFT_NOT_LEADER',
  'ERR_RAFT_LEADER_TRANSFERRING',
  'ERR_RAFT_LEADER_NOT_READY',
]

/** Unreachable if every node was, no leader if none of the reachable nodes led, otherwise the last other error. */
function overallCode(failures: readonly EndpointFailure[]): ErrorCode {
  const reached = failures.filter(({ error }) => !isUnreached(error)).map(({ error }) => error.code)
  if (reached.length === 0) return 'ERR_RAFT_UNREACHABLE'
  if (reached.every((code) => NO_LEADER_CODES.includes(code))) return 'ERR_RAFT_NO_LEADER'
  return reached.findLast((code) => !NO_LEADER_CODES.includes(code)) as ErrorCode
}

function formatLeader({ id, address, term }: LeaderHint): string {
  return `${id}${address === undefined ? '' : ` at ${address}`}${term === undefined ? '' : ` in term ${term}`}`
}

/** Nothing is sent to a silent node, so the call has no effect there. */
export function silentNodeError(address: string, nodeSilenceMs: number): RaftError {
  return new RaftError(
    'ERR_RAFT_UNREACHABLE',
    `${address} cannot be reached: it answered none of the open calls for ${nodeSilenceMs} ms`,
    { details: { address } },
  )
}

export function abortedError(signal: AbortSignal): RaftError {
  return new RaftError('ERR_RAFT_ABORTED', 'aborted by the caller before anything took effect', {
    cause: signal.reason,
  })
}

export function closedError(): RaftError {
  return new RaftError('ERR_RAFT_CLOSED', 'the client was closed')
}

/** Without a session nothing was proposed. */
export function notRegisteredError(why: string, cause?: unknown): RaftError {
  return new RaftError(
    'ERR_RAFT_TIMEOUT',
    `the command was not proposed: no client session could be registered: ${why}`,
    {
      outcome: 'not-applied',
      hint: 'registering a session needs a leader: quorate status',
      cause,
    },
  )
}

/** The call continues at another node; this attempt may still be applied. */
export function leftError(address: string, why: string): RaftError {
  return new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', `${address} may or may not have applied the command: ${why}`, {
    details: { address },
  })
}

/** The last error of a call of which an attempt may have been applied. */
export function unknownAfterAttempts(last: RaftError): RaftError {
  if (last.outcome !== 'not-applied') return last
  return new RaftError(
    'ERR_RAFT_OUTCOME_UNKNOWN',
    `an earlier attempt may or may not have been applied, and then: ${last.message}`,
    {
      leader: last.leader,
      hint: 'read the state before you propose the command again, and allow more time for a call',
      details: last.details,
      cause: last,
    },
  )
}

/** No attempt of the command was applied. */
export function expiredUnused(last: RaftError): RaftError {
  const { message, details, hint } = last
  return new RaftError('ERR_RAFT_SESSION_EXPIRED', message, { outcome: 'not-applied', details, hint, cause: last })
}

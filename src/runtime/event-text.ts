/** The level of an event, and its text for people. */
import type { NodeEvent } from '../contracts/observer.ts'

export type Level = 'debug' | 'info' | 'warn' | 'error'

/** The level of an event; 'info' if it is not listed. */
const LEVELS: Partial<Record<NodeEvent['type'], Level>> = {
  termChanged: 'debug',
  preVoteStarted: 'debug',
  voteGranted: 'debug',
  electionTimedOut: 'debug',
  logCompacted: 'debug',
  membershipAdopted: 'debug',
  followerCaughtUp: 'debug',
  fetchProgress: 'debug',
  snapshotStalled: 'debug',
  snapshotResumed: 'debug',
  snapshotFetchFailing: 'debug',
  snapshotFetchRecovered: 'debug',
  snapshotStarted: 'debug',
  paused: 'warn',
  clockCoarse: 'warn',
  changeQueued: 'debug',
  logTruncated: 'warn',
  peerRefused: 'warn',
  addressDiffers: 'warn',
  refusedBy: 'warn',
  unknownPeer: 'warn',
  toldRemoved: 'warn',
  removed: 'warn',
  snapshotFailed: 'warn',
  fetchFailed: 'warn',
  spaceLow: 'warn',
  scrubFailed: 'error',
  leaderTaskFailed: 'error',
  leadershipKept: 'warn',
  deadMemberRemoved: 'warn',
  deadMemberKept: 'warn',
  alarmRaised: 'warn',
  storageStalled: 'warn',
  protocolViolation: 'warn',
  termJumpLimited: 'warn',
  storageFailed: 'error',
  diverged: 'error',
  stateDiffers: 'error',
  otherState: 'error',
  acknowledgementLost: 'error',
  failed: 'error',
}

export function levelOf(event: NodeEvent): Level {
  return LEVELS[event.type] ?? 'info'
}

/** Such as 'became leader: term=3 noopIndex=17'. */
export function eventText(event: NodeEvent): string {
  const { type, ...facts } = event
  const words = type.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  const details = Object.entries(facts).map(([name, value]) => `${name}=${formatValue(value)}`)
  return `${words}${details.length > 0 ? `: ${details.join(' ')}` : ''}`
}

function formatValue(value: unknown): string {
  if (typeof value === 'number') return String(Number.isInteger(value) ? value : value.toFixed(1))
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'voters' in value) return `[${String(value.voters)}]`
  if (typeof value === 'object' && value !== null && 'index' in value) return `@${String(value.index)}`
  return String(JSON.stringify(value))
}

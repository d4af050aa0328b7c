/** All rooms of the museum. */
import type { Absentee, Exhibit } from './exhibit.ts'
import { ABSENT_MEMBERSHIP, MEMBERSHIP } from './rooms/membership.ts'
import { READS } from './rooms/reads.ts'
import { REPLICATION } from './rooms/replication.ts'
import { SNAPSHOTS } from './rooms/snapshots.ts'
import { STORAGE } from './rooms/storage.ts'
import { VOTES } from './rooms/votes.ts'

export const ROOMS: ReadonlyMap<string, readonly Exhibit[]> = new Map([
  ['Votes, terms, elections', VOTES],
  ['Replication and commitment', REPLICATION],
  ['Storage', STORAGE],
  ['Snapshots', SNAPSHOTS],
  ['Membership', MEMBERSHIP],
  ['Reads, transfer, callers', READS],
])

export const EXHIBITS: readonly Exhibit[] = [...ROOMS.values()].flat()

/** What no run here can show. */
export const ABSENTEES: readonly Absentee[] = ABSENT_MEMBERSHIP

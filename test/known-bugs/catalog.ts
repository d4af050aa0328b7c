/** The list of all known bugs, by topic. */
import { COPIES } from './bugs/copies.ts'
import { MEMBERSHIP, OMITTED_MEMBERSHIP } from './bugs/membership.ts'
import { READS } from './bugs/reads.ts'
import { REPLICATION } from './bugs/replication.ts'
import { SERVICES } from './bugs/services.ts'
import { SESSIONS } from './bugs/sessions.ts'
import { SNAPSHOTS } from './bugs/snapshots.ts'
import { STORAGE } from './bugs/storage.ts'
import { VOTES } from './bugs/votes.ts'
import type { KnownBug, OmittedBug } from './known-bug.ts'

export const KNOWN_BUGS_BY_TOPIC: ReadonlyMap<string, readonly KnownBug[]> = new Map([
  ['Votes, terms, elections', VOTES],
  ['Replication and commitment', REPLICATION],
  ['Storage', STORAGE],
  ['Copies of data directories', COPIES],
  ['Snapshots', SNAPSHOTS],
  ['Membership', MEMBERSHIP],
  ['Reads and leadership transfer', READS],
  ['Client sessions', SESSIONS],
  ['Forwarding, changes, versions, autopilot', SERVICES],
])

export const KNOWN_BUGS: readonly KnownBug[] = [...KNOWN_BUGS_BY_TOPIC.values()].flat()

export const OMITTED_BUGS: readonly OmittedBug[] = OMITTED_MEMBERSHIP

/** Keeps an alarm for every member whose data directory has lost entries that it acknowledged, until that member is removed. */
import type { Alarms } from '../health/alarms.ts'
import type { MembershipView } from './membership-view.ts'

const CODE = 'ENTRIES_LOST'

export function updateLostEntriesAlarms(alarms: Alarms, view: MembershipView): void {
  for (const { id, hasLostEntries, directoryId } of view.members) {
    if (hasLostEntries !== true) continue
    const message = `the data directory of ${id} has lost entries that it acknowledged; it counts towards no quorum: remove it, and add it again with a new directory`
    alarms.raise({ code: CODE, peer: id, message, details: { directoryId } })
  }
  for (const { code, peer } of alarms.list)
    if (code === CODE && peer !== undefined && view.member(peer)?.hasLostEntries !== true) alarms.clear(CODE, peer)
}

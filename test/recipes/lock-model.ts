/** A reference model of the lock machine: a flat list of leases, in the order in which their owners came. */
import type { LockCommand, LockResult } from '../../src/recipes/index.ts'
import { LOCK_LIMITS } from '../../src/recipes/index.ts'

interface Entry {
  readonly name: string
  readonly owner: string
  readonly permits: number
  /** 0 while it waits. */
  token: number
  endsAt: number
}

export class LockModel {
  entries: Entry[] = []
  time = 0
  lastToken = 0

  apply(command: LockCommand): LockResult {
    if (command.type === 'malformed')
      return { ...refused('malformed', `bad command: ${command.reason}`), time: this.time }
    const { stamp, name, owner } = command
    if (stamp.time === this.time && stamp.elapsedMs >= 100) this.time += Math.min(stamp.elapsedMs, 1000)
    this.entries = this.entries.filter(({ endsAt }) => endsAt > this.time)
    const own = this.entries.find((entry) => entry.name === name && entry.owner === owner)
    const { time } = this
    if (command.type === 'release') {
      this.entries = this.entries.filter((entry) => entry !== own)
      return { type: own === undefined ? 'notHeld' : 'released', time }
    }
    const endsAt = time + 1000 + command.ttlMs
    if (own !== undefined && own.token > 0) {
      own.endsAt = Math.max(own.endsAt, endsAt)
      return { type: 'held', token: own.token, time }
    }
    if (command.type === 'renew') return { type: 'notHeld', time }
    const others = this.entries.filter((entry) => entry.name === name)
    const permits = others[0]?.permits ?? command.permits
    if (permits !== command.permits)
      return {
        ...refused('other permits', `lock '${name}' is in use with permits ${permits}, not ${command.permits}`),
        time,
      }
    const waiting = others.filter((entry) => entry.token === 0)
    const ahead = own === undefined ? waiting.length : waiting.indexOf(own)
    const isFree = others.length - waiting.length + ahead < permits
    if (!isFree && !command.wait) return { type: 'busy', time }
    if (!isFree && own === undefined && waiting.length >= LOCK_LIMITS.waitersMax)
      return { ...refused('too many waiters', ''), time }
    const entry = own ?? { name, owner, permits, token: 0, endsAt }
    entry.endsAt = endsAt
    if (own === undefined) this.entries.push(entry)
    if (!isFree) return { type: 'waiting', ahead, time }
    entry.token = ++this.lastToken
    return { type: 'held', token: entry.token, time }
  }
}

function refused(
  reason: 'malformed' | 'other permits' | 'too many waiters',
  message: string,
): { readonly type: 'refused'; readonly reason: typeof reason; readonly message: string } {
  return { type: 'refused', reason, message }
}

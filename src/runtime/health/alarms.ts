/** The alarms of a node: conditions that last and need an operator, shown in the status until they end. */
import type { Clock } from '../../contracts/clock.ts'
import type { Alarm } from '../../contracts/node-service.ts'
import type { RuntimeEvent } from '../../contracts/observer.ts'
import type { Instant, NodeId } from '../../core/types.ts'

/** Beyond this many, further alarms are only events. Each code is raised at most once per peer. */
const ALARMS_MAX = 64

/** What `raise` is called with: an alarm without its age. */
export interface AlarmFacts {
  readonly code: string
  /** The peer it is about; undefined if it is about this node. */
  readonly peer?: NodeId | undefined
  readonly message: string
  readonly details: Readonly<Record<string, string | number>>
}

interface Raised {
  readonly since: Instant
  facts: AlarmFacts
}

export class Alarms {
  readonly #clock: Pick<Clock, 'now'>
  readonly #emit: (event: RuntimeEvent) => void
  readonly #raised = new Map<string, Raised>()

  constructor({ clock, emit }: { readonly clock: Pick<Clock, 'now'>; readonly emit: (event: RuntimeEvent) => void }) {
    this.#clock = clock
    this.#emit = emit
  }

  /** The oldest first. */
  get list(): readonly Alarm[] {
    const now = this.#clock.now()
    return [...this.#raised.values()].map(({ since, facts: { code, peer, message, details } }) => ({
      ...{ code, peer, forMs: now - since, message },
      details: Object.fromEntries(Object.entries(details).map(([name, value]) => [name, String(value)])),
    }))
  }

  /** Raises the alarm, with an event, or updates its message and details, without one. */
  raise(facts: AlarmFacts): void {
    const key = keyOf(facts)
    const raised = this.#raised.get(key)
    if (raised !== undefined) {
      raised.facts = facts
      return
    }
    const { code, peer, message } = facts
    if (this.#raised.size < ALARMS_MAX) this.#raised.set(key, { since: this.#clock.now(), facts })
    this.#emit({ type: 'alarmRaised', code, ...(peer === undefined ? {} : { peer }), message })
  }

  /** The condition has ended. Does nothing if the alarm is not raised. */
  clear(code: string, peer?: NodeId): void {
    const key = keyOf({ code, peer })
    const raised = this.#raised.get(key)
    if (raised === undefined) return
    this.#raised.delete(key)
    const forMs = this.#clock.now() - raised.since
    this.#emit({ type: 'alarmCleared', code, ...(peer === undefined ? {} : { peer }), forMs })
  }
}

function keyOf({ code, peer }: Pick<AlarmFacts, 'code' | 'peer'>): string {
  return `${code} ${peer ?? ''}`
}

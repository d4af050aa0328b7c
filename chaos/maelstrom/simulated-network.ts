/** A network like Maelstrom's: it delivers JSON messages late and out of order, loses some, and can be partitioned. */
import type { Body, Message } from '../../examples/maelstrom/message-stream.ts'
import { SeededRandom } from '../../src/testing/simulation/seeded-random.ts'

export interface SimulatedNetworkOptions {
  readonly seed: number
  /** The maximum latency of a message. */
  readonly latencyMs: number
  /** Lost messages per thousand, between nodes only. */
  readonly lossPerMille: number
}

/** The exact fields of each reply to a client, because Maelstrom rejects any other. */
const REPLY_FIELDS: Readonly<Record<string, readonly string[]>> = {
  init_ok: [],
  read_ok: ['value'],
  write_ok: [],
  cas_ok: [],
  error: ['code', 'text'],
}

export class SimulatedNetwork {
  delivered = 0
  lost = 0
  readonly #options: SimulatedNetworkOptions
  readonly #random: SeededRandom
  readonly #receivers = new Map<string, (message: Message) => void>()
  readonly #cut = new Set<string>()
  #isFaulty = true

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options
    this.#random = new SeededRandom(options.seed).fork('network')
  }

  /** `receiver` gets all messages to `name` from now on. */
  register(name: string, receiver: (message: Message) => void): void {
    this.#receivers.set(name, receiver)
  }

  unregister(name: string): void {
    this.#receivers.delete(name)
  }

  /** Cuts all links between different groups, until `heal`. */
  partition(groups: readonly (readonly string[])[]): void {
    for (const group of groups)
      for (const other of groups)
        if (group !== other) for (const src of group) for (const dest of other) this.#cut.add(`${src} ${dest}`)
  }

  /** Cuts one direction of a link, until `heal`. */
  cut(src: string, dest: string): void {
    this.#cut.add(`${src} ${dest}`)
  }

  heal(): void {
    this.#cut.clear()
  }

  /** Heals all links and stops loss and delay. */
  stopFaults(): void {
    this.heal()
    this.#isFaulty = false
  }

  send(message: Message): void {
    assertWellFormed(message)
    const { latencyMs, lossPerMille } = this.#options
    const isBetweenNodes = !message.src.startsWith('c') && !message.dest.startsWith('c')
    if (isBetweenNodes && this.#isFaulty && this.#random.chance(lossPerMille)) return void this.lost++
    const delayMs = this.#isFaulty ? this.#random.below(latencyMs + 1) : 0
    setTimeout(() => this.#deliver(message), delayMs)
  }

  #deliver(message: Message): void {
    if (this.#cut.has(`${message.src} ${message.dest}`)) return void this.lost++
    this.delivered++
    this.#receivers.get(message.dest)?.(message)
  }
}

/** Checks a message as strictly as Maelstrom does. */
export function assertWellFormed({ src, dest, body }: Message): void {
  const where = `the message ${JSON.stringify({ src, dest, body }).slice(0, 300)}`
  if (typeof src !== 'string' || typeof dest !== 'string') throw new Error(`${where} has no src or dest`)
  if (typeof body !== 'object' || typeof body.type !== 'string') throw new Error(`${where} has no body with a type`)
  if (dest.startsWith('c')) assertReply(body, where)
}

function assertReply(body: Body, where: string): void {
  const { type, in_reply_to: answered, msg_id: number, ...rest } = body
  const fields = REPLY_FIELDS[type]
  if (fields === undefined) throw new Error(`${where} is not a reply of lin-kv`)
  if (!Number.isInteger(answered)) throw new Error(`${where} has no in_reply_to`)
  if (number !== undefined && !Number.isInteger(number)) throw new Error(`${where} has a msg_id that is not an integer`)
  if (Object.keys(rest).sort().join() !== fields.join())
    throw new Error(`${where} must have exactly the fields ${fields.join(', ')}`)
}

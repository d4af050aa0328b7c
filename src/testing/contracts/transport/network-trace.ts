/** What happened in a check of a transport, in words, for the author of the transport. */
import type { Transport } from '../../../contracts/transport.ts'
import type { NodeId } from '../../../core/types.ts'
import type { TransportFixture } from './transport-fixture.ts'

/** Earlier lines are left out. */
const LINES_MAX = 40

export class NetworkTrace {
  readonly #lines: { readonly text: string; times: number }[] = []
  #leftOut = 0
  readonly #pending = new Set<{ readonly call: string }>()

  /** The calls that have not ended, in words. */
  get pending(): readonly string[] {
    return [...this.#pending].map(({ call }) => call)
  }

  /** The same value. If it is a promise, the call is pending until it settles. */
  awaiting<Value>(call: string, returned: Value): Value {
    if (!(returned instanceof Promise)) return returned
    const pending = { call }
    const end = (): void => void this.#pending.delete(pending)
    this.#pending.add(pending)
    returned.then(end, end)
    return returned
  }

  /** Adds a line. The same line again only raises its count. */
  add(text: string): void {
    const last = this.#lines.at(-1)
    if (last?.text === text) {
      last.times++
      return
    }
    this.#lines.push({ text, times: 1 })
    if (this.#lines.length <= LINES_MAX) return
    this.#lines.shift()
    this.#leftOut++
  }

  toString(): string {
    const lines = this.#lines.map(({ text, times }) => (times === 1 ? text : `${text}, ${times} times`))
    const earlier = this.#leftOut === 0 ? [] : [`… ${this.#leftOut} earlier lines`]
    return [...earlier, ...lines].join('\n  ')
  }
}

/** What a check does to the network. */
const DISTURBANCES: { readonly [Name in keyof TransportFixture]?: (...nodes: readonly string[]) => string } = {
  cut: (one, other) => `cut ${one} from ${other}`,
  heal: (one, other) => `healed the link of ${one} and ${other}`,
  stall: (one, other) => `stalled the link of ${one} and ${other}`,
  resume: (one, other) => `resumed the link of ${one} and ${other}`,
  corrupt: (from, to) => `flips a bit from ${from} to ${to}`,
  inject: (from, to) => `injected bytes from ${from} to ${to}`,
  sendRaw: (to) => `sent invalid bytes to ${to}`,
}

/** The fixture; what the check does with it is added. */
export function recordingFixture(fixture: TransportFixture, trace: NetworkTrace): TransportFixture {
  return new Proxy(fixture, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const describe = DISTURBANCES[name as keyof TransportFixture]
      return (...args: readonly string[]): unknown => {
        if (describe !== undefined) trace.add(`the check ${describe(...args)}`)
        const nodes = args.filter((arg) => typeof arg === 'string').join(', ')
        return trace.awaiting(`${String(name)}(${nodes}) of the fixture`, value.apply(target, args))
      }
    },
  })
}

/** A transport whose calls and their results are added. */
export function recordingTransport(id: NodeId, transport: Transport, trace: NetworkTrace): Transport {
  const add = (text: string): void => trace.add(`${id} ${text}`)
  return {
    name: transport.name,
    get address() {
      return transport.address
    },
    start: async (host) => {
      try {
        await trace.awaiting(`start() of ${id}`, transport.start(host))
      } catch (error) {
        add(`did not start: ${String(error)}`)
        throw error
      }
      add(`started at ${transport.address}`)
    },
    setPeers: (...[addresses, alternatives]) => {
      const peers = [...addresses].map(([peer, address]) => `${peer} at ${address}`).join(', ')
      add(`was given the peers ${peers === '' ? 'none' : peers}`)
      transport.setPeers(addresses, alternatives)
    },
    send: (to, message) => {
      const isAccepted = transport.send(to, message)
      add(`sent ${message.type} to ${to}: ${isAccepted ? 'accepted' : 'dropped'}`)
      return isAccepted
    },
    fetchSnapshot: (from, snapshot, offset, signal) => {
      add(`fetched snapshot ${snapshot} of ${from} from byte ${offset}`)
      const chunks = transport.fetchSnapshot(from, snapshot, offset, signal)
      return recordingChunks(chunks, add, (step) => trace.awaiting(`a fetch of ${id} from ${from}`, step))
    },
    close: async () => {
      await trace.awaiting(`close() of ${id}`, transport.close())
      add('closed')
    },
  }
}

async function* recordingChunks(
  chunks: AsyncIterable<Uint8Array>,
  add: (text: string) => void,
  awaiting: <Value>(step: Value) => Value,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = chunks[Symbol.asyncIterator]()
  const steps: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => awaiting(source.next()),
      return: async () => (await awaiting(source.return?.())) ?? { done: true, value: undefined },
    }),
  }
  let bytes = 0
  try {
    for await (const chunk of steps) {
      bytes += chunk.length
      yield chunk
    }
    add(`received the end of the snapshot after ${bytes} bytes`)
  } catch (error) {
    add(`received ${bytes} bytes of the snapshot, then ${String(error)}`)
    throw error
  }
}

/** A state machine behind a network on virtual time, for tests of the clients of recipes. */
import type { CallOptions } from '../../src/contracts/node-service.ts'
import type { StateMachine } from '../../src/contracts/state-machine.ts'
import { RaftError } from '../../src/errors.ts'
import type { Proposer, RecipeCodecs } from '../../src/recipes/index.ts'
import { NodeClock, VirtualTime } from '../../src/testing/simulation/virtual-clock.ts'

/** How long a command takes to the machine, and its result back. */
const LATENCY_US = 5000

export class RecipeCluster<Command extends { readonly type: string }, Result, Query, Answer> {
  readonly time = new VirtualTime()
  readonly clock: NodeClock = new NodeClock(this.time, { startMs: 0, ratePerMille: 1000 })
  readonly machine: StateMachine<Command, Result, Query, Answer>
  readonly #codecs: RecipeCodecs<Command, Result, Query, Answer>
  /** The types of the commands that were applied. */
  readonly applied: string[] = []
  #index = 0

  constructor(
    machine: StateMachine<Command, Result, Query, Answer>,
    codecs: RecipeCodecs<Command, Result, Query, Answer>,
  ) {
    this.machine = machine
    this.#codecs = codecs
  }

  /** The connection of one process; `set` makes it faulty. */
  connection(): Connection<Command, Result> {
    let state: ConnectionState = 'up'
    const propose = async (command: Command, { timeoutMs = 5000 }: CallOptions = {}): Promise<Result> => {
      const bytes = this.#codecs.codec.encode(command)
      await this.clock.pass(LATENCY_US)
      if (state === 'refusing') throw new RaftError('ERR_RAFT_CLOSED', 'the client is closed')
      if (state === 'cut') {
        await this.clock.pass(timeoutMs * 1000)
        throw new RaftError('ERR_RAFT_NO_LEADER', 'no leader')
      }
      const decoded = this.#codecs.codec.decode(bytes)
      this.applied.push(decoded.type)
      const result = this.machine.apply(decoded, { index: ++this.#index, term: 1, machineVersion: 1 })
      await this.clock.pass(LATENCY_US)
      if (state === 'loses results') throw new RaftError('ERR_RAFT_OUTCOME_UNKNOWN', 'the connection was lost')
      return this.#codecs.resultCodec.decode(this.#codecs.resultCodec.encode(result))
    }
    return {
      propose,
      set: (next) => {
        state = next
      },
    }
  }

  /** Lets this much time pass. */
  async pass(ms: number): Promise<void> {
    const untilUs = this.time.nowUs + ms * 1000
    do await new Promise(setImmediate)
    while (this.time.step(untilUs))
  }

  /** Lets time pass until the promise settles, and returns its value. */
  async run<Value>(work: Promise<Value>): Promise<Value> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    work.then(settle, settle)
    for (let events = 0; events < 20_000; events++) {
      await new Promise(setImmediate)
      if (isSettled) return work
      const next = this.time.nextUs()
      if (next === undefined) break
      this.time.step(next)
    }
    throw new Error('the promise is pending')
  }
}

export type ConnectionState = 'up' | 'cut' | 'loses results' | 'refusing'

export interface Connection<Command, Result> extends Proposer<Command, Result> {
  set(state: ConnectionState): void
}

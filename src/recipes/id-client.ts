/** Ids of a sequence, for programs: they are reserved in blocks, so that most cost no command. */
import type { CallOptions } from '../contracts/node-service.ts'
import { RaftError } from '../errors.ts'
import { checkInteger, throwOnProblems, withDefaults } from '../platform/options.ts'
import { ID_LIMITS, type IdCommand, type IdResult } from './id-machine.ts'
import type { Proposer } from './proposer.ts'

/** The options of an id client. */
export interface IdClientOptions {
  /** The ids that are reserved at once. Those that are unused when the process ends are skipped. 1 for no gaps while sessions are used. Default: 100. */
  readonly block?: number | undefined
}

/** Ids of a cluster whose state machine is an IdMachine. */
export interface IdClient {
  /**
   * An id that no other call gets, on any client. It grows with every call on this client. If it rejects, ids may be skipped, and it can be called again, whatever the
   * outcome of the error.
   */
  next(options?: CallOptions): Promise<number>
}

const DEFAULTS = { block: 100 }

/** Makes a client of one sequence behind a node or client with the codecs of the id machine. */
export function idClient(
  proposer: Proposer<IdCommand, IdResult>,
  name: string,
  options: IdClientOptions = {},
): IdClient {
  const { block } = withDefaults(DEFAULTS, options)
  const problem = checkInteger(1, ID_LIMITS.blockMax)(block)
  throwOnProblems(problem === undefined ? [] : [{ path: 'block', problem }])
  let left = { first: 1, last: 0 }
  /** The calls wait for one another, so that none reserves a block while another one does. */
  let previous: Promise<unknown> = Promise.resolve()
  const next = async (callOptions: CallOptions | undefined): Promise<number> => {
    if (left.first > left.last) left = await reserve(callOptions)
    return left.first++
  }
  const reserve = async (callOptions: CallOptions | undefined): Promise<typeof left> => {
    const result = await proposer.propose({ type: 'reserve', name, count: block }, callOptions)
    if (result.type === 'reserved') return { first: result.first, last: result.last }
    throw new RaftError('ERR_RAFT_OVERLOADED', result.message, { retryable: false, hint: 'use another sequence' })
  }
  return {
    next(callOptions) {
      const id = previous.then(() => next(callOptions))
      previous = id.catch(() => undefined)
      return id
    },
  }
}

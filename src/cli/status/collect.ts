/** Asks the endpoints, and whomever else they name as members, for their status; an address that fails is an answer too. */
import type { ClientChannelFactory } from '../../contracts/client-channel.ts'
import { isRaftError, RaftError } from '../../errors.ts'
import type { Answer, StatusReport } from './report.ts'
import { reportOf } from './report.ts'

export interface StatusQuestion {
  readonly endpoints: readonly string[]
  readonly channel: ClientChannelFactory
  readonly timeoutMs: number
}

/** Rejects with ERR_RAFT_UNREACHABLE if nobody answers at all. */
export async function collectStatus(question: StatusQuestion): Promise<StatusReport> {
  const asked = await Promise.all(question.endpoints.map((address) => askOne(address, question)))
  if (asked.every((answer) => 'problem' in answer)) throw nobodyAnswered(asked)
  const members = reportOf(asked).nodes.filter((node) => !node.isReachable && !question.endpoints.includes(node.address))
  const others = await Promise.all(members.map((node) => askOne(node.address, question)))
  return reportOf([...asked, ...others])
}

async function askOne(address: string, { channel, timeoutMs }: StatusQuestion): Promise<Answer> {
  const one = channel(address)
  try {
    return { address, status: await one.status({ timeoutMs }) }
  } catch (error) {
    return { address, problem: problemOf(error) }
  } finally {
    await one.close()
  }
}

/** One or two words: they stand in a table. */
function problemOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  if (message.includes('ECONNREFUSED')) return 'refused'
  if (isRaftError(error, 'ERR_RAFT_TIMEOUT') || /deadline|time/i.test(message)) return 'no answer'
  if (message.includes('ENOTFOUND') || message.includes('resolution')) return 'unknown host'
  return 'unreachable'
}

export function nobodyAnswered(answers: readonly Answer[]): RaftError {
  const tried = answers.map((answer) => `${answer.address} (${'problem' in answer ? answer.problem : 'up'})`)
  return new RaftError('ERR_RAFT_UNREACHABLE', `no node answers at ${tried.join(', ')}`, {
    hint: 'start the nodes, or name others with --endpoints or QUORATE_ENDPOINTS',
  })
}

/** Asks every node that the endpoints name for its status; a node that fails to answer is an answer too. */
import type { EndpointStatus, RaftClient } from '../../client/index.ts'
import { RaftError } from '../../errors.ts'
import type { StatusAnswer, StatusReport } from './status-report.ts'
import { buildStatusReport } from './status-report.ts'

/** Rejects with ERR_RAFT_UNREACHABLE if nobody answers at all. */
export async function collectStatus(client: Pick<RaftClient, 'status'>, timeoutMs: number): Promise<StatusReport> {
  const answers = await client.status({ timeoutMs })
  if (answers.every((each) => 'error' in each)) throw noAnswerError(answers)
  return buildStatusReport(answers.map(answerOf))
}

function answerOf(said: EndpointStatus): StatusAnswer {
  return 'status' in said ? said : { address: said.address, problem: problemOf(said.error) }
}

/** One or two words: they stand in a table. */
function problemOf(error: RaftError): string {
  if (error.message.includes('ECONNREFUSED')) return 'refused'
  if (error.code === 'ERR_RAFT_TIMEOUT' || /deadline|timed? ?out|no answer/i.test(error.message)) return 'no answer'
  return error.message.includes('ENOTFOUND') ? 'unknown host' : 'unreachable'
}

function noAnswerError(answers: readonly EndpointStatus[]): RaftError {
  const tried = answers
    .map(answerOf)
    .map((answer) => `${answer.address} (${'problem' in answer ? answer.problem : 'up'})`)
  return new RaftError('ERR_RAFT_UNREACHABLE', `no node answers at ${tried.join(', ')}`, {
    hint: 'start the nodes, or name others with --endpoints or QUORATE_ENDPOINTS',
  })
}

/** Requests the status of every known node and builds the report. */
import type { EndpointStatus, RaftClient } from '../../client/index.ts'
import { RaftError } from '../../errors.ts'
import type { StatusAnswer, StatusReport } from './status-report.ts'
import { buildStatusReport } from './status-report.ts'

/** The status of every known node, or why there is none. */
export async function statusAnswers(client: Pick<RaftClient, 'status'>, timeoutMs: number): Promise<StatusAnswer[]> {
  return (await client.status({ timeoutMs })).map(answerOf)
}

/** Rejects with ERR_RAFT_UNREACHABLE if no node responds. */
export async function collectStatus(client: Pick<RaftClient, 'status'>, timeoutMs: number): Promise<StatusReport> {
  const answers = await client.status({ timeoutMs })
  if (answers.every((each) => 'error' in each)) throw firstRefusal(answers) ?? noAnswerError(answers)
  return buildStatusReport(answers.map(answerOf))
}

function answerOf(endpoint: EndpointStatus): StatusAnswer {
  return 'status' in endpoint ? endpoint : { address: endpoint.address, problem: problemOf(endpoint.error) }
}

/** The error of the first node that runs, but does not serve this caller, or is not trusted by it. */
export function firstRefusal(answers: readonly EndpointStatus[]): RaftError | undefined {
  const errors = answers.flatMap((answer) => ('error' in answer ? [answer.error] : []))
  return errors.find(isRefusal)
}

export function isRefusal({ code }: RaftError): boolean {
  return REFUSAL_CODES.some((refusal) => refusal === code)
}

const REFUSAL_CODES = ['ERR_RAFT_UNAUTHENTICATED', 'ERR_RAFT_UNAUTHORIZED'] as const

/** One or two words, because they are printed in a table. */
function problemOf(error: RaftError): string {
  if (error.message.includes('ECONNREFUSED')) return 'refused'
  if (isRefusal(error)) return 'not authorized'
  if (error.code === 'ERR_RAFT_TIMEOUT' || /deadline|timed? ?out|no (answer|response)/i.test(error.message))
    return 'no answer'
  if (error.message.includes('closes the connection')) return 'closed at once'
  return error.message.includes('ENOTFOUND') ? 'unknown host' : 'unreachable'
}

function noAnswerError(answers: readonly EndpointStatus[]): RaftError {
  const tried = answers
    .map(answerOf)
    .map((answer) => `${answer.address} (${'problem' in answer ? answer.problem : 'up'})`)
  return new RaftError('ERR_RAFT_UNREACHABLE', `no node responds at ${tried.join(', ')}`, {
    hint: 'start the nodes, or give other addresses with --endpoints or QUORATE_ENDPOINTS',
  })
}

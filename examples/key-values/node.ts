/** One process of the service: a node of the cluster with HTTP in front. `node node.ts n1` */
import { createServer, type IncomingMessage } from 'node:http'
import { connect, RaftError, startNode } from 'quorate'
import { type Command, KeyValues, type Result } from './machine.ts'

const BODY_BYTES_MAX = 64 * 1024

const peers = { n1: '127.0.0.1:7501', n2: '127.0.0.1:7502', n3: '127.0.0.1:7503' }
const http = { n1: 8501, n2: 8502, n3: 8503 }
const id = process.argv[2] as keyof typeof peers

const node = await startNode({ id, listen: peers[id], peers, dataDir: `data/${id}`, stateMachine: new KeyValues() })
/** Sends each command until its fate is known, in a session, so that it is applied once. */
const client = await connect<Command, Result>({ endpoints: Object.values(peers) })

const server = createServer(async (request, response) => {
  const reply = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`)
  }
  try {
    const key = decodeURIComponent(new URL(request.url ?? '/', 'http://node').pathname.slice(1))
    if (request.method === 'GET') {
      const value = await node.query(key)
      reply(value === null ? 404 : 200, { value })
    } else if (request.method === 'PUT') {
      reply(200, await client.propose({ type: 'put', key, value: await bodyOf(request) }))
    } else if (request.method === 'DELETE') {
      reply(200, await client.propose({ type: 'delete', key }))
    } else reply(405, { error: 'use GET, PUT or DELETE' })
  } catch (error) {
    if (!(error instanceof RaftError)) return reply(400, { error: String(error) })
    // A write that may have been applied is not the same as one that was not.
    reply(error.outcome === 'unknown' ? 504 : 503, { error: error.message, code: error.code, outcome: error.outcome })
  }
})

async function bodyOf(request: IncomingMessage): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  for await (const chunk of request) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > BODY_BYTES_MAX) throw new Error(`a value has at most ${BODY_BYTES_MAX} bytes`)
  }
  return text + decoder.decode()
}

server.listen(http[id], '127.0.0.1', () => console.log(`${id} serves http://127.0.0.1:${http[id]}`))

process.once('SIGTERM', async () => {
  server.close()
  server.closeIdleConnections()
  await client.close()
  await node.close()
})

// The disk or the state machine has failed, or the data is lost: the error says what to do.
void node.failed.then((error) => {
  console.error(error.message)
  process.exit(1)
})

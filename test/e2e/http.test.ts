/** Tests the HTTP port of a real node: `quorate serve --http`. */
import assert from 'node:assert/strict'
import { serverReflection } from '../grpc/service/reflection-client.ts'
import type { RunningCommand } from './command.ts'
import { runInProcess, start } from './command.ts'
import { eventually, freePort } from './real-cluster.ts'

describe('quorate serve --http', function () {
  this.timeout(60_000)
  let node: RunningCommand
  let address: string
  let at: string
  before(async () => {
    at = `127.0.0.1:${await freePort()}`
    node = start(['serve', '--id', 'n1', '--listen', at, '--peers', `n1=${at}`, '--memory', '--http', '0'])
    address = await eventually('the address', async () => /http:\/\/([\d.:]+)\/metrics/.exec(node.stderr())?.[1])
  })

  const get = async (path: string): Promise<readonly [number, string]> => {
    const response = await fetch(`http://${address}${path}`)
    return [response.status, await response.text()]
  }

  it('becomes ready, and serves metrics of the node', async () => {
    assert.match(address, /^127\.0\.0\.1:/)
    await eventually('a ready node', async () => ((await get('/readyz'))[0] === 200 ? true : undefined))
    const [, checks] = await get('/readyz?verbose')
    for (const name of ['listening', 'running', 'open', 'recovered', 'leader', 'caught-up', 'disk'])
      assert.match(checks, new RegExp(`^\\[\\+\\]${name} ok: `, 'm'))
    const [status, metrics] = await get('/metrics')
    assert.equal(status, 200)
    assert.match(metrics, /^raft_has_leader\{cluster="[^"]+",node="n1"\} 1$/m)
    assert.match(metrics, /^nodejs_gc_duration_seconds_count/m)
  })

  it('serves gRPC health and reflection at the port for clients', async () => {
    const { services } = await serverReflection(at, 'quorate.v1.Client')
    assert.deepEqual(services.toSorted(), ['grpc.health.v1.Health', 'quorate.v1.Admin', 'quorate.v1.Client'])
  })

  it('is named as the mistake when a client takes it for the port for clients', async () => {
    for (const command of [['get', 'k'], ['status']]) {
      const { exitCode, stderr } = await runInProcess([...command, '-e', address, '-t', '1s'])
      assert.equal(exitCode, 3)
      assert.match(stderr, command[0] === 'get' ? /it may be another port, such as that of --http/ : /closed at once/)
    }
  })

  it('serves the dashboard, and the stream that it shows', async () => {
    const [status, page] = await get('/')
    assert.equal(status, 200)
    assert.match(page, /<script defer src="page.js">/)
    const { body } = await fetch(`http://${address}/events/stream`)
    let text = ''
    for await (const part of (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
      text += part
      if (/"type":"view","node":"n1".*"role":"leader"/.test(text)) break
    }
    assert.match(text, /"type":"event","node":"n1","at":\d+,"event":{"type":"becameLeader"/)
  })

  it('ends with the node', async () => {
    node.child.kill('SIGTERM')
    assert.equal((await node.finished).exitCode, 0)
    await assert.rejects(get('/livez'))
  })
})

/** Tests of the Maelstrom example: its transport, its protocol, and the linearizability of its clients' history. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { HarnessOutcome, RunningNode } from '../../chaos/maelstrom/harness.ts'
import { Harness } from '../../chaos/maelstrom/harness.ts'
import type { LinKvOptions } from '../../examples/maelstrom/lin-kv-node.ts'
import { LinKvNode } from '../../examples/maelstrom/lin-kv-node.ts'
import type { Body, Message, MessageStream } from '../../examples/maelstrom/message-stream.ts'
import { lineStream } from '../../examples/maelstrom/message-stream.ts'
import { transportContract } from '../../src/testing/index.ts'
import { LocalNetwork, maelstromFixture } from './maelstrom-fixture.ts'

const FAST: LinKvOptions = {
  limits: { electionTimeoutMinMs: 100, electionTimeoutMaxMs: 200, heartbeatIntervalMs: 25 },
  links: { pingMs: 50, linkTimeoutMs: 250 },
}

/** The number of successful calls that a run must reach, even on a slow machine. */
const CALLS_MIN = 60

describe('the transport over Maelstrom messages', () => {
  // Maelstrom delivers whole messages without limits on their number or size.
  const unsupported = ['stalls', 'largest message', 'raw bytes', 'injected bytes'] as const
  transportContract({ describe, it, make: maelstromFixture, unsupported })
})

describe('a lin-kv node', function () {
  this.timeout(30_000)

  it('follows the protocol as a process, in any working directory', async () => {
    const program = join(import.meta.dirname, '..', '..', 'examples', 'maelstrom', 'lin-kv.js')
    const child = spawn(process.execPath, [program, '--election', '100'], {
      cwd: tmpdir(),
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const stream = lineStream(child.stdout, child.stdin, () => undefined)
    try {
      const ask = requester(stream, 'c1', 'n1')
      assert.deepEqual(await ask({ type: 'init', node_id: 'n1', node_ids: ['n1'] }), { type: 'init_ok' })
      const absent = await until(
        () => ask({ type: 'read', key: 7 }),
        ({ code }) => code !== 11,
      )
      assert.deepEqual([absent.type, absent.code], ['error', 20])
      assert.deepEqual(await ask({ type: 'write', key: 7, value: 1 }), { type: 'write_ok' })
      assert.deepEqual(await ask({ type: 'cas', key: 7, from: 1, to: { deep: [2] } }), { type: 'cas_ok' })
      assert.deepEqual(await ask({ type: 'read', key: 7 }), { type: 'read_ok', value: { deep: [2] } })
      assert.equal((await ask({ type: 'cas', key: 7, from: 1, to: 3 })).code, 22)
      assert.equal((await ask({ type: 'cas', key: '7', from: 1, to: 3 })).code, 20)
      assert.equal((await ask({ type: 'txn', txn: [] })).code, 10)
      child.stdin.end()
      assert.deepEqual(await once(child, 'exit'), [0, null])
    } finally {
      child.kill('SIGKILL')
    }
  })

  it('catches up with a snapshot after it was isolated', async () => {
    const network = new LocalNetwork()
    const restored: string[] = []
    const observers = [
      { event: (node: string, { type }: { type: string }) => type === 'restored' && restored.push(node) },
    ]
    const limits = { ...FAST.limits, snapshotEntries: 20, trailingEntries: 5, observers } as LinKvOptions['limits']
    const ids = ['n1', 'n2', 'n3']
    const nodes = ids.map((id) => new LinKvNode(network.open(id), { ...FAST, limits }))
    try {
      for (const id of ids)
        await requester(network.open(`c-${id}`), `c-${id}`, id)({ type: 'init', node_id: id, node_ids: ids })
      for (const other of ['n1', 'n2']) network.cut('n3', other)
      const ask = requester(network.open('c1'), 'c1', 'n1')
      for (let value = 1; value <= 60; value++) {
        const large = `${value} ${'.'.repeat(10_000)}`
        await until(
          () => ask({ type: 'write', key: value, value: large }),
          ({ type }) => type === 'write_ok',
        )
      }
      for (const other of ['n1', 'n2']) network.heal('n3', other)
      const late = await until(
        () => requester(network.open('c2'), 'c2', 'n3')({ type: 'read', key: 1 }),
        ({ type }) => type === 'read_ok',
      )
      assert.equal((late.value as string).length, 10_002)
      assert.deepEqual([...new Set(restored)], ['n3'])
    } finally {
      await Promise.all(nodes.map((node) => node.close()))
    }
  })
})

describe('a lin-kv cluster under loss, delay and partitions', function () {
  this.timeout(60_000)

  it('has a linearizable history', async () => {
    const { verdict, calls, faults } = await runWithFaults((_, stream) => stream)
    assert.equal(verdict.verdict, 'linearizable', JSON.stringify(verdict))
    assert.ok(calls.ok >= CALLS_MIN, JSON.stringify({ calls, faults }))
  })

  it('has a history that is not linearizable if every node believes it is alone', async () => {
    const { verdict } = await runWithFaults((id, stream) => {
      const alone: MessageStream = { ...stream, onMessage: () => undefined }
      stream.onMessage = ({ body, ...rest }) =>
        alone.onMessage({ ...rest, body: body.type === 'init' ? { ...body, node_ids: [id] } : body })
      return alone
    })
    assert.equal(verdict.verdict, 'violated')
  })
})

/** Runs three nodes in this process for a short time. `tamper` may replace the stream of a node. */
function runWithFaults(tamper: (id: string, stream: MessageStream) => MessageStream): Promise<HarnessOutcome> {
  const start = (id: string, send: (message: Message) => void): RunningNode => {
    const stream: MessageStream = {
      send: (message, sent) => {
        sent?.()
        send(JSON.parse(JSON.stringify(message)))
      },
      onMessage: () => undefined,
    }
    const node = new LinKvNode(tamper(id, stream), FAST)
    return { deliver: (message) => stream.onMessage(message), kill: () => node.close() }
  }
  const world = { seed: 4, latencyMs: 8, lossPerMille: 20, nodes: 3, clients: 5 }
  return new Harness({
    ...world,
    forMs: 1500,
    callsMin: CALLS_MIN,
    mayKill: false,
    start,
    onLine: () => undefined,
  }).run()
}

/** Sends requests to a node as one client and resolves with the replies. */
function requester(stream: MessageStream, src: string, dest: string): (body: Body) => Promise<Body> {
  let asked = 0
  return (body) =>
    new Promise((resolve) => {
      const number = ++asked
      stream.onMessage = ({ body: { in_reply_to: answered, ...reply } }) => {
        if (answered === number) resolve(reply)
      }
      stream.send({ src, dest, body: { ...body, msg_id: number } })
    })
}

/** Repeats a request until the reply is good, because the protocol has no other way to wait for a leader. */
async function until(attempt: () => Promise<Body>, isGood: (body: Body) => boolean): Promise<Body> {
  for (let tries = 0; tries < 100; tries++) {
    const body = await attempt()
    if (isGood(body)) return body
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('no good reply arrived')
}

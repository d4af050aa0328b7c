/** Tests of `quorate demo` without a terminal: its JSON events, and that all its processes end with it. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freeRange } from '../../src/cli/demo/free-ports.ts'
import { itLong } from '../long.ts'
import type { RunningCommand } from './command.ts'
import { run, runInProcess, start } from './command.ts'
import { eventually } from './real-cluster.ts'

interface Event {
  readonly event: string
  readonly text: string
  readonly [fact: string]: unknown
}

describe('quorate demo', function () {
  this.timeout(90_000)
  let directory: string
  let firstPort: number
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'quorate-demo-test-'))
    firstPort = await freeRange(30_000 + (process.pid % 20_000), 3)
  })
  after(() => rmSync(directory, { recursive: true, force: true }))

  const startDemo = (...flags: readonly string[]): RunningCommand =>
    start(['demo', '--json', '--ports', `${firstPort}-${firstPort + 2}`, ...flags], { cwd: directory })

  it('starts three processes, loses no acknowledged write when the leader is killed, and stops them all on SIGTERM', async () => {
    const demo = startDemo('--data-dir', 'data')
    const leader = await awaitEvent(demo, 'leader')
    const pids = pidsOf(demo)
    assert.equal(pids.size, 3)
    await eventually('a value', async () => {
      const put = await run(['put', 'k', 'kept', '--endpoints', `127.0.0.1:${firstPort}`])
      return put.exitCode === 0 ? true : undefined
    })
    process.kill(pids.get(leader.leader as string) as number, 'SIGKILL')
    const failover = await awaitEvent(demo, 'failover')
    assert.equal(failover.killed, leader.leader)
    assert.notEqual(failover.leader, leader.leader)
    assert.equal(failover.lost, 0, failover.text)
    assert.ok((failover.acknowledged as number) > 0)
    demo.child.kill('SIGTERM')
    const { exitCode, stderr } = await demo.finished
    assert.equal(exitCode, 0, stderr)
    await assertGone(pids)
  })

  it('continues with the data of the last run, and all nodes end when it is killed', async () => {
    const demo = startDemo('--data-dir', 'data')
    const resumed = await awaitEvent(demo, 'resumed')
    assert.ok((resumed.counted as number) > 0)
    const get = await run(['get', 'k', '--endpoints', `127.0.0.1:${firstPort}`])
    assert.equal(get.stdout, 'kept\n', get.stderr)
    const pids = pidsOf(demo)
    demo.child.kill('SIGKILL')
    await demo.finished
    await assertGone(pids)
  })

  it('runs without a disk, kills the leader when its page says so, and exits with 75 if its port is in use', async () => {
    const demo = startDemo('--memory')
    await awaitEvent(demo, 'leader')
    const second = await run(['demo', '--json', '--memory', '--ports', String(firstPort)], { cwd: directory })
    assert.equal(second.exitCode, 75, second.stderr)
    assert.match(second.stderr, /ERR_RAFT_PORT_IN_USE/)
    const pids = pidsOf(demo)
    await actOnPage((await awaitEvent(demo, 'page')).url as string, 'kill')
    assert.equal((await awaitEvent(demo, 'failover')).lost, 0)
    demo.child.kill('SIGINT')
    assert.equal((await demo.finished).exitCode, 0)
    await assertGone(pids)
  })

  for (const [flags, test] of [
    [[], itLong],
    [['--tls'], it],
  ] as const)
    test(`cuts links and heals them when its page says so ${flags.join('')}`, async () => {
      const demo = startDemo('--memory', ...flags)
      const first = (await awaitEvent(demo, 'leader')).leader as string
      const { url } = (await awaitEvent(demo, 'page')) as { url?: string }
      const press = (action: string): Promise<number> => actOnPage(url as string, action)
      const pids = pidsOf(demo)
      const others = ['n1', 'n2', 'n3'].filter((id) => id !== first)
      assert.equal(await press('cut'), 202)
      const cut = await awaitEvent(demo, 'cut')
      assert.equal((cut.links as string[][]).length, 2)
      assert.match(
        cut.text,
        new RegExp(`^${first} \\(leader\\) is cut off from the other nodes: links n\\d–n\\d, n\\d–n\\d cut$`),
      )
      // Its process runs on and its clients reach it, but the others elect.
      assert.ok(others.includes((await awaitEvent(demo, 'leads')).leader as string))
      assert.ok(isAlive(pids.get(first) as number))
      assert.equal(await press(`heal?node=${first}&node=${others[0]}`), 202)
      assert.equal(((await awaitEvent(demo, 'healed')).links as string[][]).length, 1)
      assert.equal(await press('heal'), 202)
      await eventually('the second healing', async () => healings(demo).length === 2 || undefined)
      assert.equal(await press('cut?node=n1&node=n9'), 409)
      assert.equal(await press('cut?node=n1&node=n2&node=n3'), 409)
      demo.child.kill('SIGTERM')
      assert.equal((await demo.finished).exitCode, 0)
      await assertGone(pids)
    })

  it('makes certificates and serves only those who have one with --tls, and prints no warning', async () => {
    const demo = startDemo('--tls', '--data-dir', 'with-tls')
    await awaitEvent(demo, 'leader')
    const pids = pidsOf(demo)
    const file = (name: string): string => join(directory, 'with-tls', 'certs', name)
    const flags = ['--tls-ca', file('ca.crt'), '--tls-cert', file('admin.crt'), '--tls-key', file('admin.key')]
    const status = ['status', '--endpoints', `127.0.0.1:${firstPort}`]
    await eventually('the status', async () => (await runInProcess([...status, ...flags])).exitCode === 0 || undefined)
    const plain = await runInProcess(status)
    assert.equal(plain.exitCode, 6)
    assert.match(plain.stderr, /^error\[ERR_RAFT_UNAUTHENTICATED\]: .*seen plain text/)
    assert.doesNotMatch(demo.stderr(), /Warning/)
    demo.child.kill('SIGTERM')
    assert.equal((await demo.finished).exitCode, 0)
    await assertGone(pids)
  })

  it('exits with 78 if the data directory cannot be created', async () => {
    const broken = await run(['demo', '--data-dir', '/dev/null/data'], { cwd: directory })
    assert.equal(broken.exitCode, 78)
    assert.match(broken.stderr, /error\[ERR_RAFT_DATA_DIR_ACCESS\]/)
  })
})

/** Presses a button of the page. Returns the status of the answer. */
async function actOnPage(url: string, action: string): Promise<number> {
  const html = await (await fetch(url)).text()
  const token = /<meta name="quorate-demo" content="(.+?)">/.exec(html)?.[1] ?? ''
  const answer = await fetch(`${url}demo/${action}`, { method: 'POST', headers: { 'x-quorate-token': token } })
  return answer.status
}

function healings(demo: RunningCommand): Event[] {
  return events(demo).filter(({ event }) => event === 'healed')
}

function events(demo: RunningCommand): Event[] {
  const lines = demo.stdout().split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Event)
}

async function awaitEvent(demo: RunningCommand, name: string): Promise<Event> {
  return eventually(`${name} (${demo.stderr()})`, async () => events(demo).find((each) => each.event === name), 40_000)
}

function pidsOf(demo: RunningCommand): Map<string, number> {
  return new Map(
    events(demo)
      .filter(({ event }) => event === 'node')
      .map(({ node, pid }) => [node as string, pid as number]),
  )
}

async function assertGone(pids: ReadonlyMap<string, number>): Promise<void> {
  await eventually('end of all processes', async () => ([...pids.values()].some(isAlive) ? undefined : true))
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A backup of three real processes under load, what the commands say of it, and three new ones that continue from it. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { status } from '../cli/status-answers.ts'
import { disposeAll, EchoNode, serve } from '../grpc/echo-node.ts'
import { temporaryDirectory } from '../storage/directory-fixture.ts'
import type { RunningCommand } from './command.ts'
import { run, runInProcess, start } from './command.ts'
import { eventually, freePort, RealCluster } from './real-cluster.ts'

const BEFORE = 300

interface Backup {
  readonly schema: string
  readonly clusterId: string
  readonly index: number
  readonly term: number
  readonly size: number
}

describe('a backup of a running cluster', function () {
  this.timeout(120_000)
  let cluster: RealCluster
  let directory: string
  const restored = new Map<string, RunningCommand>()
  let endpoints: string

  before(async () => {
    directory = await temporaryDirectory()
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(async () => {
    for (const { child, finished } of restored.values()) {
      child.kill('SIGKILL')
      await finished
    }
    await cluster.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const file = () => join(directory, 'monday.snap')
  const backup: { saved?: Backup } = {}

  it('has every write that was acknowledged before, and is the same for inspect', async () => {
    const client = cluster.client(20_000)
    const put = (key: string): Promise<unknown> =>
      client.raftClient.propose({ type: 'put', key, value: Buffer.from(`of ${key}`) })
    await Promise.all(Array.from({ length: BEFORE }, (_, count) => put(`before-${count}`)))
    let isSaved = false
    const load = Array.from({ length: 8 }, async (_, writer) => {
      for (let count = 0; !isSaved; count++) await put(`during-${writer}-${count}`)
    })
    const saving = await run(['snapshot', 'save', file(), '-e', cluster.endpoints.join(), '-o', 'json'])
    isSaved = true
    await Promise.all(load)
    await client.raftClient.close()
    assert.equal(saving.exitCode, 0, saving.stderr)
    const saved = JSON.parse(saving.stdout) as Backup
    backup.saved = saved
    assert.deepEqual([saved.schema, saved.clusterId], ['quorate.backup/v1', 'e2e'])
    assert.ok(saved.index > BEFORE)
    assert.deepEqual(readdirSync(directory), ['monday.snap'])
    const inspected = await run(['snapshot', 'inspect', file(), '-o', 'json'])
    const { clusterId, index, term, size } = JSON.parse(inspected.stdout) as Backup
    assert.deepEqual([clusterId, index, term, size], [saved.clusterId, saved.index, saved.term, saved.size])
    assert.match((await runInProcess(['snapshot', 'inspect', file()])).stdout, /\nevery byte was read: no damage\n$/)
  })

  it('becomes a new cluster by the commands that restore prints', async () => {
    const ports = [await freePort(), await freePort(), await freePort()]
    endpoints = ports.map((port) => `127.0.0.1:${port}`).join()
    const peers = ports.map((port, offset) => `n${offset + 1}=127.0.0.1:${port}`).join()
    const data = join(directory, 'restored')
    const { exitCode, stdout, stderr } = await run(['snapshot', 'restore', file(), '--peers', peers, '-d', data])
    assert.equal(exitCode, 0, stderr)
    assert.match(
      stdout,
      new RegExp(`^a new cluster, \\S+, continues after index ${backup.saved?.index}; start its nodes`),
    )
    for (const [, words = ''] of stdout.matchAll(/^ {2}quorate (serve .*)$/gm))
      restored.set(/--id (\S+)/.exec(words)?.[1] ?? '', start(words.split(' ')))
    assert.deepEqual([...restored.keys()], ['n1', 'n2', 'n3'])
    await eventually('a write to the new cluster', async () => {
      const { exitCode } = await runInProcess(['put', 'after', 'a restore', '-e', endpoints])
      return exitCode === 0 || undefined
    })
    const { stdout: list } = await runInProcess(['list', '-e', endpoints])
    const lines = new Set(list.split('\n'))
    for (let count = 0; count < BEFORE; count++)
      assert.ok(lines.has(`before-${count}\tof before-${count}`), `before-${count} is missing`)
    assert.ok(lines.has('after\ta restore'))
    const [old, renewed] = [await clusterOf(cluster.endpoints.join()), await clusterOf(endpoints)]
    assert.notEqual(renewed, old)
    assert.equal((await runInProcess(['get', 'after', '-e', cluster.endpoints.join()])).exitCode, 1)
  })

  it('leaves a log that `data log dump` prints, once a node is stopped', async () => {
    const node = restored.get('n1') as RunningCommand
    const path = join(directory, 'restored', 'n1')
    assert.equal((await run(['data', 'log', 'dump', path])).exitCode, 75)
    // The write may be committed by the two others.
    await eventually('the write at n1', async () => {
      const read = await runInProcess(['get', 'after', '--local', '-e', endpoints.split(',')[0] as string])
      return read.exitCode === 0 || undefined
    })
    node.child.kill('SIGTERM')
    assert.equal((await node.finished).exitCode, 0)
    const { exitCode, stdout, stderr } = await run(['data', 'log', 'dump', path, '-o', 'json'])
    assert.equal(exitCode, 0, stderr)
    const entries = stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { readonly index: number; readonly bytes: string })
    const first = backup.saved?.index ?? 0
    assert.deepEqual(
      entries.map(({ index }) => index),
      entries.map((_, offset) => first + 1 + offset),
    )
    assert.ok(
      entries.some(({ bytes }) => Buffer.from(bytes, 'base64').includes('aftera restore')),
      stdout,
    )
    const part = await run(['data', 'log', 'dump', path, '--from', `${first + 1}`, '--to', `${first + 1}`])
    assert.deepEqual([part.exitCode, part.stdout.split('\n').length], [0, 2], part.stdout)
    const verified = await run(['data', 'verify', path])
    assert.equal(verified.exitCode, 0, verified.stderr)
  })

  async function clusterOf(addresses: string): Promise<string> {
    const { stdout } = await runInProcess(['member', 'list', '-o', 'json', '-e', addresses])
    return (JSON.parse(stdout) as { readonly cluster: string }).cluster
  }
})

describe('`quorate snapshot save` that is interrupted', function () {
  this.timeout(30_000)
  afterEach(disposeAll)

  it('leaves no file', async () => {
    const directory = await temporaryDirectory()
    const node = new EchoNode()
    const { address } = await serve(node)
    const membership = {
      ...{ voters: ['n1'], outgoing: [], learners: [] },
      members: [{ id: 'n1', address, directoryId: 'd', addedAt: 0, promote: false }],
    }
    node.report = status('n1', { role: 'leader', address, membership })
    const path = join(directory, 'a.snap')
    const saving = start(['snapshot', 'save', path, '-e', address])
    await eventually('a part', async () => {
      return (existsSync(`${path}.partial`) && readFileSync(`${path}.partial`).length > 0) || undefined
    })
    saving.child.kill('SIGINT')
    const { exitCode, stderr } = await saving.finished
    assert.match(stderr, /^error: interrupted: the backup .*a\.snap was not written\n$/)
    assert.deepEqual([exitCode, readdirSync(directory)], [130, []])
    rmSync(directory, { recursive: true })
  })
})

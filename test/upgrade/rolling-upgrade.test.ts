/**
 * `make upgrade-test`: three processes are upgraded from the previous revision to this one, one after the other, and downgraded again, under the
 * load of clients of both revisions. No call fails, each write is applied once, and a node of each revision leads nodes of the other.
 * PREVIOUS names the revision; the default is the last release, or the last commit if there is none. Without a history of Git there is nothing to
 * upgrade from, and the tests are skipped.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { KvClient } from '../../src/cli/kv-client.ts'
import { VERSION } from '../../src/runtime/version.ts'
import { runInProcess, start, transpile } from '../e2e/command.ts'
import { OnceWriters } from '../e2e/once-writers.ts'
import { eventually, RealCluster } from '../e2e/real-cluster.ts'
import { describeLong } from '../long.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const IDS = ['n1', 'n2', 'n3'] as const
const WRITERS = 16
const PREVIOUS_VERSION = `${VERSION}-previous`

type Revision = 'previous' | 'current'

function git(...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/** Transpiles the previous revision beside this one. Its version tells it apart, because two revisions may belong to one release. */
function buildPrevious(revision: string): string {
  const source = mkdtempSync(join(tmpdir(), 'quorate-previous-'))
  try {
    assert.notEqual(
      git('worktree', 'add', '--force', '--detach', source, revision),
      undefined,
      `no revision ${revision}`,
    )
    const main = transpile(source)
    const file = join(dirname(main), '..', 'runtime', 'version.js')
    const text = readFileSync(file, 'utf8')
    const changed = text.replace(/VERSION = ".*"/, `VERSION = "${PREVIOUS_VERSION}"`)
    assert.notEqual(changed, text, `${file} has no version`)
    writeFileSync(file, changed)
    // The files that it links to, such as proto/, are in the worktree.
    process.once('exit', () => removeWorktree(source))
    return main
  } catch (error) {
    removeWorktree(source)
    throw error
  }
}

function removeWorktree(source: string): void {
  git('worktree', 'remove', '--force', source)
  rmSync(source, { recursive: true, force: true })
}

describeLong('a cluster under load', function () {
  this.timeout(300_000)
  this.bail(true)
  const revisions = new Map<string, Revision>(IDS.map((id) => [id, 'previous']))
  let cluster: RealCluster
  let writers: readonly OnceWriters[] = []

  before(async function () {
    const revision = process.env.PREVIOUS || git('describe', '--tags', '--abbrev=0', 'HEAD^') || 'HEAD^'
    if (!process.env.PREVIOUS && git('cat-file', '-e', revision) === undefined) this.skip()
    console.info(`    previous revision: ${git('log', '-1', '--format=%h %s', revision) ?? revision}`)
    const previous = buildPrevious(revision)
    const mainOf = (id: string) => (revisions.get(id) === 'previous' ? previous : undefined)
    cluster = await RealCluster.startedBy((args, id) => start(args, { main: mainOf(id) }), ...IDS)
    const client = pathToFileURL(join(dirname(previous), 'kv-client.js')).href
    const { KvClient: PreviousClient } = (await import(client)) as { readonly KvClient: typeof KvClient }
    writers = [
      new OnceWriters(cluster.endpoints, 'current client', WRITERS),
      new OnceWriters(cluster.endpoints, 'previous client', WRITERS, PreviousClient),
    ]
    await awaitWrites()
  })

  after(() => cluster?.close())

  const awaitWrites = () => Promise.all(writers.map((each) => each.awaitWrites(200)))

  /** As an operator does it: stop the node, start it with the other revision, and wait until all three nodes store what the leader appends. */
  async function replace(id: string, revision: Revision): Promise<void> {
    cluster.sendSignal(id, 'SIGTERM')
    const { exitCode, stderr } = await cluster.exitOf(id)
    assert.equal(exitCode, 0, stderr)
    revisions.set(id, revision)
    cluster.start(id)
    await eventually(`${id} follows or leads`, async () => {
      const statuses = await cluster.statuses()
      const leader = statuses.find(({ role }) => role === 'leader')
      const isUp = statuses.length === IDS.length && leader?.peers.every(({ isReplicating }) => isReplicating) === true
      return isUp ? true : undefined
    })
    const own = (await cluster.statuses()).find((status) => status.id === id)
    assert.equal(own?.version, revision === 'previous' ? PREVIOUS_VERSION : VERSION)
    await awaitWrites()
  }

  async function replaceAll(revision: Revision): Promise<void> {
    for (const [position, id] of IDS.entries()) {
      await replace(id, revision)
      const { stdout } = await runInProcess(['version', '--cluster', '-e', cluster.endpoints.join(',')])
      if (position < IDS.length - 1) assert.match(stdout, /\nwarning: the nodes run 2 releases/)
      else assert.doesNotMatch(stdout, /\nwarning: the nodes run/)
      await leadByEach()
    }
  }

  async function leadByEach(): Promise<void> {
    for (const id of IDS) {
      if ((await cluster.leader()) !== id) await cluster.adminClient.transferLeadership({ to: id })
      await awaitWrites()
    }
  }

  it('is upgraded from the previous revision to this one, one node after the other', () => replaceAll('current'))

  it('is downgraded to the previous revision, one node after the other', () => replaceAll('previous'))

  it('has seen no failed call, and has applied each write once', async () => {
    await Promise.all(writers.map((each) => each.stop()))
    for (const each of writers) {
      console.info(
        `      ${each.acknowledged} writes, ${each.failures.length} failures, longest ${Math.round(each.longestMs)} ms`,
      )
      await each.assertOnce(cluster)
    }
  })
})

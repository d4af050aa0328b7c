/** Data directories of real processes that are put back to an older copy, or run twice. */
import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { itLong } from '../long.ts'
import { eventually, RealCluster } from './real-cluster.ts'
import { Writers } from './writers.ts'

describe('three processes, one with a copy of a data directory', function () {
  this.timeout(90_000)
  let cluster: RealCluster
  let replaced = 0
  before(async () => {
    cluster = await RealCluster.started('n1', 'n2', 'n3')
  })
  after(() => cluster.close())

  it('stop the one whose directory is older than what the others have seen, and never open it again', async () => {
    const id = await follower()
    await restartAfterCopy(id)
    await write('after the copy')
    await cluster.kill(id)
    putBack(id)
    await assertStopped(id, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
    await assertStopped(id, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
    await replace(id)
  })

  itLong('stop it after all of them were restarted', async () => {
    const id = await follower()
    await restartAfterCopy(id)
    await write('before the restart')
    await Promise.all(cluster.ids.map((each) => cluster.kill(each)))
    putBack(id)
    for (const each of cluster.ids) if (each !== id) cluster.start(each)
    await assertStopped(id, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
    await replace(id)
  })

  itLong('stop it if the copy was made while it ran, because the leader knows what it has acknowledged', async () => {
    const id = await follower()
    cluster.sendSignal(id, 'SIGSTOP')
    copy(id)
    cluster.sendSignal(id, 'SIGCONT')
    await write('lost with the copy')
    await settle()
    await cluster.kill(id)
    putBack(id)
    await assertStopped(id, 'ERR_RAFT_DIRECTORY_ROLLED_BACK')
    await eventually('alarm', async () => {
      const alarms = (await cluster.statuses()).flatMap((status) => status.alarms)
      return alarms.some(({ code, peer }) => code === 'ENTRIES_LOST' && peer === id) ? true : undefined
    })
    await replace(id)
  })

  it('stop a clone that runs beside the original', async () => {
    const id = await follower()
    await restartAfterCopy(id)
    const exit = await (await cluster.startClone(id, copyOf(id))).finished
    assert.equal(exit.exitCode, 78, exit.stderr)
    assert.match(exit.stderr, /error\[ERR_RAFT_DUPLICATE_DIRECTORY\]/)
    assert.match(
      exit.stderr,
      /if the other process with this directory is to stay, delete this copy and do nothing else/,
    )
    await write('beside the clone')
    assert.ok(cluster.isRunning(id))
  })

  itLong('stop copies of all directories that are started beside them', async () => {
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) copy(id)
    for (const id of cluster.ids) cluster.start(id)
    await write('before the copies')
    await settle()
    const copies = await Promise.all(cluster.ids.map((id) => cluster.startClone(id, copyOf(id))))
    for (const { finished } of copies) {
      const exit = await finished
      assert.equal(exit.exitCode, 78, exit.stderr)
      assert.match(exit.stderr, /error\[ERR_RAFT_D(UPLICATE_DIRECTORY|IRECTORY_ROLLED_BACK)\]/)
    }
    await write('after the copies')
    await cluster.assertEqual()
    assert.ok(cluster.ids.every((id) => cluster.isRunning(id)))
  })

  itLong('start if the directories of all of them are restored together', async () => {
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) copy(id)
    for (const id of cluster.ids) cluster.start(id)
    await write('lost by the restore')
    await settle()
    await Promise.all(cluster.ids.map((id) => cluster.kill(id)))
    for (const id of cluster.ids) putBack(id)
    for (const id of cluster.ids) cluster.start(id)
    await write('after the restore')
    await cluster.assertEqual()
    assert.ok(cluster.ids.every((id) => cluster.isRunning(id)))
  })

  const copyOf = (id: string): string => join(cluster.directory, `${id}-copy`)

  function copy(id: string): void {
    rmSync(copyOf(id), { recursive: true, force: true })
    cpSync(cluster.directoryOf(id), copyOf(id), { recursive: true })
  }

  function putBack(id: string): void {
    rmSync(cluster.directoryOf(id), { recursive: true })
    cpSync(copyOf(id), cluster.directoryOf(id), { recursive: true })
  }

  async function follower(): Promise<string> {
    const leader = await cluster.leader()
    return cluster.ids.find((id) => id !== leader) as string
  }

  async function restartAfterCopy(id: string): Promise<void> {
    await cluster.kill(id)
    copy(id)
    cluster.start(id)
    await settle()
  }

  async function write(name: string): Promise<void> {
    const writers = new Writers(cluster.endpoints, name)
    await writers.awaitWrites(20)
    await writers.stop()
  }

  /** Waits until all nodes have applied the same entries, and the log records the boots of all. */
  async function settle(): Promise<void> {
    await eventually('the same log everywhere', async () => {
      const statuses = await cluster.statuses()
      const isSettled = (status: (typeof statuses)[number]): boolean =>
        status.isMembershipCommitted && status.appliedIndex === statuses[0]?.lastIndex && status.leader !== undefined
      return statuses.length === cluster.ids.length && statuses.every(isSettled) ? true : undefined
    })
  }

  async function assertStopped(id: string, code: string): Promise<void> {
    cluster.start(id)
    const exit = await cluster.exitOf(id)
    assert.equal(exit.exitCode, 78, exit.stderr)
    assert.ok(exit.stderr.includes(`error[${code}]`), exit.stderr)
    assert.match(exit.stderr, /remove/)
  }

  async function replace(id: string): Promise<void> {
    const { raftClient } = cluster.client()
    try {
      await raftClient.changeMembership({ remove: [id] })
      await raftClient.changeMembership({ add: [{ id, address: cluster.links.addresses[id] ?? '', promote: true }] })
    } finally {
      await raftClient.close()
    }
    cluster.setDirectory(id, join(cluster.directory, `${id}-${++replaced}`))
    cluster.join(id)
    await eventually('the new member votes', async () => {
      const statuses = await cluster.statuses()
      return statuses.some(({ membership }) => membership.voters.includes(id)) ? true : undefined
    })
  }
})

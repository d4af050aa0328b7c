/** Tests of members that come back at other addresses, with real processes. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StatusReport } from '../../src/cli/status/status-report.ts'
import { itLong } from '../long.ts'
import type { RunningCommand } from './command.ts'
import { runInProcess, start } from './command.ts'
import { eventually, freePort } from './real-cluster.ts'

const IDS = ['n1', 'n2', 'n3'] as const

type Addresses = Readonly<Record<string, string>>

describe('members that have moved', function () {
  this.timeout(60_000)
  let directory: string
  let home: Addresses
  const running = new Map<string, RunningCommand>()

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'quorate-moved-'))
    home = await freeAddresses()
    for (const id of IDS) serve(id, home[id] as string, home)
    await put('before', Object.values(home))
  })

  afterEach(async () => {
    await Promise.all([...running.keys()].map((id) => stop(id, 'SIGKILL')))
    rmSync(directory, { recursive: true, force: true })
  })

  const serve = (id: string, address: string, peers: Addresses, advertise: readonly string[] = []): void => {
    const members = Object.entries(peers).map(([each, at]) => `${each}=${at}`)
    const where = ['--listen', address, '--peers', members.join(','), ...advertise]
    const timing = ['--election-timeout', '300-600ms', '--heartbeat', '50ms']
    running.set(id, start(['serve', '--id', id, ...where, '--data-dir', join(directory, id), ...timing]))
  }

  const stop = async (id: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    running.get(id)?.child.kill(signal)
    await running.get(id)?.finished
    running.delete(id)
  }

  /** Waits until the membership records these addresses, and every voter replicates. */
  const recorded = (addresses: Addresses): Promise<StatusReport> =>
    eventually('membership with the new addresses', async () => {
      const report = await status(Object.values(addresses))
      const isAt = (id: string): boolean =>
        report?.nodes.find((node) => node.id === id)?.recordedAddress === addresses[id]
      return report?.votersUp === IDS.length && IDS.every(isAt) ? report : undefined
    })

  it('are found at their new address, also as leader, by clients that know only one that stayed', async () => {
    const { leader } = await recorded(home)
    const moved = IDS.find((id) => id !== leader) as string
    const away = { ...home, [moved]: `127.0.0.1:${await freePort()}` }
    await stop(moved)
    serve(moved, away[moved] as string, away)
    await eventually(
      'follower',
      async () => (await status([away[leader as string] as string]))?.votersUp === 3 || undefined,
    )
    // A transfer is abandoned if the machine is too busy to complete it within an election timeout.
    await eventually('new leader', async () => {
      await runInProcess(['leader', 'transfer', '--to', moved, '-e', home[leader as string] as string])
      return (await status([away[moved] as string]))?.leader === moved || undefined
    })
    await put('moved', [home[leader as string] as string])
    await recorded(away)
  })

  it('are found if the leader moves, and only it knows its new address', async () => {
    const { leader } = await recorded(home)
    const id = leader as string
    const away = { ...home, [id]: `127.0.0.1:${await freePort()}` }
    await stop(id)
    serve(id, away[id] as string, home, ['--advertise', away[id] as string])
    await recorded(away)
    await put(
      'moved',
      Object.values(home).filter((address) => address !== home[id]),
    )
  })

  itLong('find each other by new --peers if all have moved', async () => {
    await Promise.all(IDS.map((id) => stop(id)))
    const away = await freeAddresses()
    for (const id of IDS) serve(id, away[id] as string, away)
    await put('moved', Object.values(away))
    await recorded(away)
    assert.match(running.get('n1')?.stderr() ?? '', /"event":"addressDiffers","peer":"n2"/)
    // The record is enough from now on.
    await Promise.all(IDS.map((id) => stop(id)))
    for (const id of IDS) serve(id, away[id] as string, home, ['--advertise', away[id] as string])
    await put('again', Object.values(away))
  })

  itLong('find each other after an exchange of addresses, whether --peers says so or not', async () => {
    const swapped = { ...home, n1: home.n2 as string, n2: home.n1 as string }
    await Promise.all([stop('n1'), stop('n2')])
    for (const id of ['n1', 'n2'] as const) serve(id, swapped[id], home, ['--advertise', swapped[id]])
    await recorded(swapped)
    await put('swapped', [home.n3 as string])
    await Promise.all([stop('n1'), stop('n2')])
    for (const id of ['n1', 'n2'] as const) serve(id, home[id] as string, home)
    await recorded(home)
  })

  itLong('stay where they are if the --peers of one are wrong, which says so', async () => {
    await stop('n3')
    const wrong = { ...home, n1: `127.0.0.1:${await freePort()}` }
    serve('n3', home.n3 as string, wrong)
    await recorded(home)
    await put('wrong', [home.n3 as string])
    assert.match(running.get('n3')?.stderr() ?? '', /"event":"addressDiffers","peer":"n1"/)
  })

  it('are not made voters under an address that leads nowhere, and the status says why', async () => {
    const endpoints = Object.values(home)
    const nowhere = `127.0.0.1:${await freePort()}`
    const real = `127.0.0.1:${await freePort()}`
    const added = await runInProcess(['member', 'add', 'n4', nowhere, '--yes', '-e', endpoints.join(',')])
    assert.equal(added.exitCode, 0, added.stderr)
    const flags = ['--listen', real, '--join', endpoints.join(','), '--data-dir', join(directory, 'n4')]
    running.set('n4', start(['serve', '--id', 'n4', ...flags]))
    const alarmed = await eventually('alarm', async () => {
      const report = await status(endpoints)
      const leader = report?.nodes.find(({ id }) => id === report.leader)
      return leader?.alarms.some(({ code, peer }) => code === 'PEER_OUT_OF_REACH' && peer === 'n4') ? report : undefined
    })
    assert.equal(alarmed.nodes.find(({ id }) => id === 'n4')?.kind, 'learner')
    // Before it has caught up, the promotion is rejected because it lags.
    await eventually('rejection because of the address', async () => {
      const promoted = await runInProcess(['member', 'promote', 'n4', '--yes', '-e', endpoints.join(',')])
      assert.equal(promoted.exitCode, 5)
      return /error\[ERR_RAFT_LEARNER_NOT_READY\].*does not reach n4/s.test(promoted.stderr) || undefined
    })
    const updated = await runInProcess(['member', 'update', 'n4', real, '--yes', '-e', endpoints.join(',')])
    assert.equal(updated.exitCode, 0, updated.stderr)
    await eventually('voter', async () => (await status(endpoints))?.voters === 4 || undefined)
  })

  /** Retries, because right after a restart there may be no leader for longer than the timeout. */
  async function put(key: string, endpoints: readonly string[]): Promise<void> {
    await eventually(`write of ${key}`, async () => {
      const { exitCode } = await runInProcess(['put', key, 'value', '-e', endpoints.join(',')])
      return exitCode === 0 || undefined
    })
  }
})

async function status(endpoints: readonly string[]): Promise<StatusReport | undefined> {
  const { stdout } = await runInProcess(['status', '-o', 'json', '-e', endpoints.join(',')])
  return stdout === '' ? undefined : JSON.parse(stdout)
}

async function freeAddresses(): Promise<Addresses> {
  const addresses: Record<string, string> = {}
  for (const id of IDS) addresses[id] = `127.0.0.1:${await freePort()}`
  return addresses
}

/** Each check of the contract suites fails for an implementation with a matching defect. */
import assert from 'node:assert/strict'
import type { Transport, TransportHost } from '../../src/contracts/transport.ts'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import type { StorageFixture } from '../../src/testing/contracts/storage-contract.ts'
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import { CheckTimeout } from '../../src/testing/contracts/transport/check-timeout.ts'
import type { TransportFixture } from '../../src/testing/contracts/transport-contract.ts'
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { memoryStorageFixture } from '../memory/memory-storage-fixture.ts'
import { memoryTransportFixture } from '../memory/memory-transport-fixture.ts'
import { FAULTY_STORAGES } from './faulty-storages.ts'
import { FAULTY_TRANSPORTS } from './faulty-transports.ts'
import { checksOf, failureOf } from './suite-checks.ts'

/** Far longer than a correct in-memory transport needs. */
const TIMEOUT_MS = 100
/** The limit of a whole check that hangs, for one that takes a few milliseconds. */
const CHECK_TIMEOUT_MS = 200

const storageChecks = (make: typeof memoryStorageFixture): Map<string, () => Promise<void>> =>
  checksOf((runner) => storageContract({ ...runner, make }))

const transportChecks = (make: typeof memoryTransportFixture): Map<string, () => Promise<void>> =>
  checksOf((runner) => transportContract({ ...runner, make, timeoutMs: TIMEOUT_MS }))

describe('the storage contract detects a storage that', () => {
  for (const { defect, failingCheck, make } of FAULTY_STORAGES)
    it(defect, () => assertDetected(storageChecks(make), failingCheck))

  it('violates any one of its checks', () => {
    const covered = new Set(FAULTY_STORAGES.map(({ failingCheck }) => failingCheck))
    assert.deepEqual(
      [...storageChecks(memoryStorageFixture).keys()].filter((title) => !covered.has(title)),
      [],
    )
  })
})

describe('the storage contract', () => {
  const bare = async () => ({ createStorage: () => new MemoryStorage(), destroy: async () => undefined })

  it('fails with a remedy if the fixture lacks a capability that is not listed as unsupported', async () => {
    const failure = await failureOf(storageChecks(bare).get('a crash loses no urgent write') ?? assert.fail())
    assert.match(failure?.message ?? '', /no crash\(\).*unsupported: \['crashes'\]/)
  })

  it('lists the unsupported capabilities in its name', () => {
    const names: string[] = []
    const describe = (name: string, body: () => void): void => {
      names.push(name)
      body()
    }
    storageContract({ describe, it: () => undefined, make: bare, unsupported: ['crashes', 'failing disks', 'damage'] })
    assert.equal(names[0], 'storage contract (without crashes, failing disks, damage)')
    assert.ok(!names.includes('a crash') && !names.includes('a failing disk') && !names.includes('damage'))
  })

  it('ends with the number of checks that it leaves out', () => {
    const all = storageChecks(bare).size
    const unsupported = ['crashes', 'damage'] as const
    const titles = [...checksOf((runner) => storageContract({ ...runner, make: bare, unsupported })).keys()]
    const left = all - (titles.length - 1)
    assert.ok(left > 0)
    assert.equal(
      titles.at(-1),
      `storage contract (without crashes, damage) leaves ${left} checks out, without crashes, damage`,
    )
  })

  it('passes a storage whose close() changes nothing', async () => {
    const crashWithin = async (call: () => Promise<unknown>): Promise<boolean> => {
      await call()
      return false
    }
    const make = async (): Promise<StorageFixture> => ({ ...(await memoryStorageFixture()), crashWithin })
    const check = storageChecks(make).get('a crash within a call loses no write during a close') ?? assert.fail()
    assert.equal(await failureOf(check), undefined)
  })

  it('reports the requirement, the observation, and where to look', async () => {
    const make =
      FAULTY_STORAGES.find(({ defect }) => defect === 'acknowledges a write before the sync')?.make ?? assert.fail()
    const failure = await failureOf(storageChecks(make).get('a crash loses no urgent write') ?? assert.fail())
    assert.match(
      failure?.message ?? '',
      /^required: a crash loses no urgent write\nobserved: .*\nlook at: whether write/s,
    )
  })
})

describe('the transport contract detects a transport that', () => {
  for (const { defect, failingChecks, make } of FAULTY_TRANSPORTS)
    it(defect, async () => {
      for (const title of failingChecks) await assertDetected(transportChecks(make), title)
    })

  it('violates any one of its checks', () => {
    const covered = new Set(FAULTY_TRANSPORTS.flatMap(({ failingChecks }) => failingChecks))
    assert.deepEqual(
      [...transportChecks(memoryTransportFixture).keys()].filter((title) => !covered.has(title)),
      [],
    )
  })
})

describe('the transport contract', () => {
  const bare = (): TransportFixture => {
    const { stall: _stall, resume: _resume, ...fixture } = memoryTransportFixture()
    return fixture
  }

  it('fails with a remedy if the fixture lacks a capability that is not listed as unsupported', async () => {
    const failures = ['a stalled peer does not delay other peers', 'the largest message arrives intact'].map((title) =>
      failureOf(transportChecks(bare).get(title) ?? assert.fail(title)),
    )
    const [stalled, largest] = await Promise.all(failures)
    assert.match(stalled?.message ?? '', /no stall.*unsupported: \['stalls'\]/)
    assert.match(largest?.message ?? '', /no messageBytesMax.*unsupported: \['largest message'\]/)
  })

  it('tells in words what happened in a failed check', async () => {
    const make =
      FAULTY_TRANSPORTS.find(({ defect }) => defect === 'never reconnects to a lost peer')?.make ?? assert.fail()
    const failure = await failureOf(transportChecks(make).get('links reconnect to a restarted peer') ?? assert.fail())
    assert.match(
      failure?.message ?? '',
      /^required: links reconnect .*\nobserved: .*timed out waiting for a link to b.*\nlook at: setPeers/s,
    )
    const trace = failure?.message.split('what happened:\n')[1] ?? ''
    for (const line of [
      'a started at a',
      'a reported a link to b',
      'b closed',
      'a reported the loss of its link to b: the peer has closed',
    ])
      assert.ok(trace.includes(`  ${line}`), `${line} is missing in:\n${trace}`)
    assert.match(
      trace,
      /a was given the peers b at b\n.*b reported that a refuses it: ERR_RAFT_REMOVED, no, \d+ times/s,
    )
  })

  describe('with a check that does not end', () => {
    const never = (): Promise<never> => new Promise(() => undefined)
    const failureWith = (
      title: string,
      change: (fixture: TransportFixture) => Partial<TransportFixture> | Promise<never>,
    ): Promise<Error | undefined> => {
      const make = async (): Promise<TransportFixture> => {
        const fixture = memoryTransportFixture()
        return { ...fixture, ...(await change(fixture)) }
      }
      const limits = { timeoutMs: TIMEOUT_MS, checkTimeoutMs: CHECK_TIMEOUT_MS }
      const checks = checksOf((runner) => transportContract({ ...runner, make, ...limits }))
      return failureOf(checks.get(title) ?? assert.fail(title))
    }
    const withTransport =
      (change: (transport: Transport) => Partial<Transport>) =>
      ({ createTransport }: TransportFixture): Partial<TransportFixture> => ({
        createTransport: async (id) => {
          const transport = await createTransport(id)
          const { name, address } = transport
          const setPeers: Transport['setPeers'] = (...args) => transport.setPeers(...args)
          const send: Transport['send'] = (...args) => transport.send(...args)
          const fetchSnapshot: Transport['fetchSnapshot'] = (...args) => transport.fetchSnapshot(...args)
          const calls = { start: (host: TransportHost) => transport.start(host), close: () => transport.close() }
          return { name, address, setPeers, send, fetchSnapshot, ...calls, ...change(transport) }
        },
      })
    const quick = 'messages to an unknown node are dropped'

    for (const [call, change, title] of [
      ['make()', never, quick],
      ['addressFor(a, b) of the fixture', () => ({ addressFor: never }), quick],
      ['start() of a', withTransport(() => ({ start: never })), quick],
      ['close() of a and close() of b', withTransport(() => ({ close: never })), quick],
      [
        'a fetch of a from b',
        withTransport(() => ({ fetchSnapshot: () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }) })),
        'a snapshot fetch starts at the requested offset',
      ],
    ] as const)
      it(`names the call that has not ended: ${call}`, async () => {
        const failure = await failureWith(title, change)
        const [observed] = /^observed: .*$/m.exec(failure?.message ?? '') ?? []
        const verb = call.includes(' and ') ? 'have' : 'has'
        assert.equal(
          observed,
          `observed: the check did not end within ${CHECK_TIMEOUT_MS} ms (checkTimeoutMs): ${call} ${verb} not ended`,
          failure?.message,
        )
        assert.ok(failure?.cause instanceof CheckTimeout)
        assert.match(failure.message, /\nwhat happened:\n/)
      })

    it('reports what failed before', async () => {
      const change = withTransport(() => ({ send: () => true, close: never }))
      assert.match((await failureWith(quick, change))?.message ?? '', /observed: send\(\) accepted a message/)
    })
  })

  it('awaits every member of a fixture', async () => {
    const later = async <Value>(value: Value): Promise<Awaited<Value>> => await value
    const make = async (): Promise<TransportFixture> => {
      const fixture = memoryTransportFixture()
      return {
        ...fixture,
        createTransport: (id) => later(fixture.createTransport(id)),
        addressFor: (from, to) => later(fixture.addressFor(from, to)),
        cut: (one, other) => later(fixture.cut(one, other)),
        heal: (one, other) => later(fixture.heal(one, other)),
      }
    }
    const checks = checksOf((runner) => transportContract({ ...runner, make, timeoutMs: TIMEOUT_MS }))
    for (const title of [
      'links report a loss, drop messages while lost, and reconnect',
      'a transport can be closed while it starts',
    ])
      assert.equal(await failureOf(checks.get(title) ?? assert.fail()), undefined)
  })

  it('lists the unsupported capabilities in its name', () => {
    const names: string[] = []
    const describe = (name: string, body: () => void): void => {
      names.push(name)
      body()
    }
    transportContract({ describe, it: () => undefined, make: bare, unsupported: ['stalls', 'raw bytes'] })
    assert.equal(names[0], 'transport contract (without stalls, raw bytes)')
    assert.ok(!names.includes('a stalled peer') && !names.includes('invalid bytes') && names.includes('injected bytes'))
  })
})

async function assertDetected(checks: Map<string, () => Promise<void>>, title: string): Promise<void> {
  const check = checks.get(title)
  assert.ok(check !== undefined, `the suite has no check: ${title}`)
  assert.notEqual(await failureOf(check), undefined, `this check passes: ${title}`)
}

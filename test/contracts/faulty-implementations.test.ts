/** Every check of the contract suites fails for at least one that is bad in just its way. */
import assert from 'node:assert/strict'
import { MemoryStorage } from '../../src/memory/memory-storage.ts'
import { storageContract } from '../../src/testing/contracts/storage-contract.ts'
import type { TransportWorld } from '../../src/testing/contracts/transport-contract.ts'
import { transportContract } from '../../src/testing/contracts/transport-contract.ts'
import { memoryStorageFixture } from '../memory/memory-storage-fixture.ts'
import { memoryTransportFixture } from '../memory/memory-transport-fixture.ts'
import { FAULTY_STORAGES } from './faulty-storages.ts'
import { FAULTY_TRANSPORTS } from './faulty-transports.ts'
import { checksOf, failureOf } from './suite-checks.ts'

/** What a good one in memory never needs: it answers within turns. */
const TIMEOUT_MS = 100

const storageChecks = (make: typeof memoryStorageFixture): Map<string, () => Promise<void>> =>
  checksOf((runner) => storageContract({ ...runner, make }))

const transportChecks = (make: typeof memoryTransportFixture): Map<string, () => Promise<void>> =>
  checksOf((runner) => transportContract({ ...runner, make, timeoutMs: TIMEOUT_MS }))

describe('the storage contract catches a storage that', () => {
  for (const { defect: what, failingCheck, make } of FAULTY_STORAGES)
    it(what, () => assertDetected(storageChecks(make), failingCheck))

  it('is bad in any way that it has a check for', () => {
    const caught = new Set(FAULTY_STORAGES.map(({ failingCheck }) => failingCheck))
    assert.deepEqual(
      [...storageChecks(memoryStorageFixture).keys()].filter((title) => !caught.has(title)),
      [],
    )
  })
})

describe('the storage contract', () => {
  const bare = async () => ({ createStorage: () => new MemoryStorage(), destroy: async () => undefined })

  it('fails, and says what to do, where a place lacks an ability that is not left out', async () => {
    const verdict = await failureOf(storageChecks(bare).get('a crash loses nothing that was urgent') ?? assert.fail())
    assert.match(verdict?.message ?? '', /no crash\(\).*without: \['crashes'\]/)
  })

  it('names what is left out in its own name', () => {
    const names: string[] = []
    const describe = (name: string, body: () => void): void => {
      names.push(name)
      body()
    }
    storageContract({ describe, it: () => undefined, make: bare, unsupported: ['crashes', 'failing disks', 'damage'] })
    assert.equal(names[0], 'storage contract (without crashes, failing disks, damage)')
    assert.ok(!names.includes('a crash') && !names.includes('a failing disk') && !names.includes('damage'))
  })

  it('tells what was promised, what was seen, and where to look', async () => {
    const make = FAULTY_STORAGES.find(({ defect }) => defect === 'acknowledges before the sync')?.make ?? assert.fail()
    const verdict = await failureOf(storageChecks(make).get('a crash loses nothing that was urgent') ?? assert.fail())
    assert.match(
      verdict?.message ?? '',
      /^promised: a crash loses nothing that was urgent\nseen: .*\nlook at: whether write/s,
    )
  })
})

describe('the transport contract catches a transport that', () => {
  for (const { defect: what, failingChecks, make } of FAULTY_TRANSPORTS)
    it(what, async () => {
      for (const title of failingChecks) await assertDetected(transportChecks(make), title)
    })

  it('is bad in any way that it has a check for', () => {
    const caught = new Set(FAULTY_TRANSPORTS.flatMap(({ failingChecks }) => failingChecks))
    assert.deepEqual(
      [...transportChecks(memoryTransportFixture).keys()].filter((title) => !caught.has(title)),
      [],
    )
  })
})

describe('the transport contract', () => {
  const bare = (): TransportWorld => {
    const { stall: _stall, resume: _resume, ...world } = memoryTransportFixture()
    return world
  }

  it('fails, and says what to do, where a network lacks an ability that is not left out', async () => {
    const verdicts = ['a stalled peer holds up nobody else', 'the largest message passes whole'].map((title) =>
      failureOf(transportChecks(bare).get(title) ?? assert.fail(title)),
    )
    const [stalled, largest] = await Promise.all(verdicts)
    assert.match(stalled?.message ?? '', /no stall.*without: \['stalls'\]/)
    assert.match(largest?.message ?? '', /no messageBytesMax.*without: \['a largest message'\]/)
  })

  it('names what is left out in its own name', () => {
    const names: string[] = []
    const describe = (name: string, body: () => void): void => {
      names.push(name)
      body()
    }
    transportContract({ describe, it: () => undefined, make: bare, unsupported: ['stalls', 'raw bytes'] })
    assert.equal(names[0], 'the transport contract (without stalls, raw bytes)')
    assert.ok(
      !names.includes('a stalled peer') && !names.includes('hostile bytes') && names.includes('bytes in between'),
    )
  })
})

async function assertDetected(checks: Map<string, () => Promise<void>>, title: string): Promise<void> {
  const check = checks.get(title)
  assert.ok(check !== undefined, `the suite has no check: ${title}`)
  assert.notEqual(await failureOf(check), undefined, `this check is content: ${title}`)
}

/** checkStateMachine rejects calls whose results differ between nodes, however the machine came by the function. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createECDH } from 'node:crypto'
import { lookup } from 'node:dns'
import { EventEmitter, once } from 'node:events'
import fs, { existsSync, readFileSync, writeFile } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { cpus, hostname } from 'node:os'
import process, { cwd, env } from 'node:process'
import { promisify } from 'node:util'
import { BroadcastChannel, Worker } from 'node:worker_threads'
import fc from 'fast-check'
import type { StateMachine } from '../../src/contracts/state-machine.ts'
import { checkStateMachine } from '../../src/testing/check-state-machine.ts'
import type { GuardedKind } from '../../src/testing/state-machine/forbidden-call.ts'
import { calling, restoring } from './faulty-machines.ts'
import { Sum } from './importable-machines.ts'

const SMALL_CHECK = { commands: fc.nat(4), logs: 10, runs: 0, shrinksMax: 50 }
const FILE = import.meta.filename

/** What a machine calls, by the kind that allows it. */
const CALLS: Readonly<Record<string, readonly [GuardedKind, () => unknown]>> = {
  'calls fs.readFileSync()': ['files', () => readFileSync(FILE)],
  'calls fs.existsSync()': ['files', () => existsSync(FILE)],
  'calls fs.writeFile()': ['files', () => writeFile('/dev/null', '', () => {})],
  'calls fs.promises.readFile()': ['files', () => void readFile(FILE).catch(() => {})],
  'calls fs.readFile()': ['files', () => void promisify(fs.readFile)(FILE).catch(() => {})],
  'calls os.hostname()': ['host', () => hostname()],
  'calls os.cpus()': ['host', () => cpus().length],
  'calls process.cwd()': ['process', () => cwd()],
  'calls process.memoryUsage()': ['process', () => process.memoryUsage().rss],
  'reads process.pid': ['process', () => process.pid],
  'reads process.version': ['process', () => process.version],
  'reads process.platform': ['process', () => process.platform],
  'reads process.argv': ['process', () => process.argv.length],
  'reads process.env.HOME': ['environment', () => process.env.HOME ?? ''],
  'reads process.env.REGION': ['environment', () => env.REGION ?? ''],
  'reads process.env': ['environment', () => Object.keys(process.env).length],
  'calls child_process.spawnSync()': ['childProcesses', () => spawnSync('true').status],
  'calls new worker_threads.Worker()': ['threads', () => void new Worker('', { eval: true })],
  'calls net.connect()': ['network', () => void connect(21_199).on('error', () => {})],
  'calls http.request()': ['network', () => void request('http://127.0.0.1:21199').on('error', () => {})],
  'calls dns.lookup()': ['network', () => void lookup('localhost', () => {})],
  'calls new worker_threads.BroadcastChannel()': ['threads', () => new BroadcastChannel('locks').close()],
  'calls postMessage() of a MessagePort': ['threads', () => new MessageChannel().port1.postMessage(1)],
  'calls Atomics.wait()': ['threads', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0)],
  'calls fetch()': ['network', () => void fetch('http://127.0.0.1:21199').catch(() => {})],
  'calls queueMicrotask()': ['timers', () => queueMicrotask(() => {})],
  'calls process.nextTick()': ['timers', () => process.nextTick(() => {})],
  'calls new FinalizationRegistry()': ['garbageCollection', () => void new FinalizationRegistry(() => {})],
  'calls deref() of a WeakRef': ['garbageCollection', () => new WeakRef({}).deref() === undefined],
}

const CALLS_OF_OTHER_KINDS: Readonly<Record<string, () => unknown>> = {
  'calls Intl.DisplayNames()': () => new Intl.DisplayNames(undefined, { type: 'language' }).of('de'),
  'calls toLocaleString() of a typed array': () => new Uint8Array([1]).toLocaleString(),
  'calls generateKeys()': () => createECDH('secp256k1').generateKeys('hex'),
  'reads performance.timeOrigin': () => performance.timeOrigin,
  'reads timeStamp of an Event': () => new Event('lock').timeStamp,
  'calls performance.mark()': () => performance.mark('lock').startTime,
  // An empty list of locales stands for that of the process.
  'calls localeCompare()': () => 'a'.localeCompare('b', []),
  'calls Intl.Collator()': () => new Intl.Collator([]).compare('a', 'b'),
}

/** Stored before the check, as at the top of a module of the user. */
const stored = { now: Date.now, random: Math.random, Clock: Date, readFileSync: fs.readFileSync, defer: setTimeout }
const highResolution = performance.now.bind(performance)
const os = createRequire(import.meta.url)('node:os') as typeof import('node:os')
const { tmpdir, hostname: host, uptime } = os

/** Machines wait for it, as they would for I/O. */
const pulse = new EventEmitter().setMaxListeners(0)

async function nextPulse(): Promise<void> {
  await once(pulse, 'pulse')
}

const STORED_CALLS: Readonly<Record<string, () => unknown>> = {
  'Date.now()': () => stored.now(),
  'Math.random()': () => stored.random(),
  'performance.now()': () => highResolution(),
  'new Date()': () => new stored.Clock().getTime(),
  'fs.readFileSync()': () => stored.readFileSync(FILE).length,
  'setTimeout()': () => void stored.defer(() => {}, 0),
  'os.tmpdir()': () => tmpdir(),
  // Functions with one source.
  'os.hostname()': () => host(),
  'os.uptime()': () => uptime(),
}

/** Emits pulses during the tests of a suite. */
function emitPulses(): void {
  let pulses: NodeJS.Timeout
  before(() => {
    pulses = setInterval(() => pulse.emit('pulse'), 1)
  })
  after(() => clearInterval(pulses))
}

describe('checkStateMachine rejects a machine that', () => {
  emitPulses()

  for (const [what, [kind, call]] of Object.entries(CALLS))
    it(what, async () => {
      const message = await messageOf(() => new (calling(call))())
      assert.ok(message.startsWith(`apply() of command 1 ${what}. `), message)
      assert.match(message, atLineOf(`'${what}': [`))
      assert.ok(message.includes(`allow it: { allow: ['${kind}'] }.\n`) || kind === 'timers', message)
    })

  for (const [what, call] of Object.entries(CALLS_OF_OTHER_KINDS))
    it(what, async () => {
      const message = await messageOf(() => new (calling(call))())
      assert.ok(message.startsWith(`apply() of command 1 ${what}. `), message)
      assert.match(message, atLineOf(`'${what}': () =>`))
    })

  for (const [displayName, call] of Object.entries(STORED_CALLS))
    it(`calls a stored ${displayName}`, async () => {
      const message = await messageOf(() => new (calling(call))())
      assert.ok(
        message.startsWith(
          `apply() of command 1 calls ${displayName} through a reference that was taken before the check began. `,
        ),
        message,
      )
      assert.match(message, atLineOf(`'${displayName}': `))
      assert.match(message, /\n\nThe commands:\n {2}1 {2}0\n\n/)
    })

  it('passes a stored function on', async () => {
    const message = await messageOf(() => new (calling(() => [0].map(stored.random)))())
    assert.match(
      message,
      /calls Math\.random\(\) through a reference[\s\S]*at Array\.map[^\n]*\n {2}at .*guard\.test\.ts/,
    )
  })

  it('calls a stored clock whose results look like those of a counter', async () => {
    let ticks = 0
    const message = await messageOf(() => new (calling(() => [stored.now(), ticks++].length + ticks))())
    assert.match(message, /^apply\(\) of command 1 calls Date\.now\(\) through a reference/)
  })

  it('calls a stored clock whose results are alike, before most logs were applied', async () => {
    let machines = 0
    const make = (): StateMachine<number, unknown> => {
      machines++
      return new (calling(() => stored.now() > 0))()
    }
    await assert.rejects(
      checkStateMachine(make, { ...SMALL_CHECK, logs: 2000 }),
      /calls Date\.now\(\) through a reference/,
    )
    assert.ok(machines < 3000, `${machines} machines`)
  })

  it('reads a file in restore(), even after it has waited for something else', async () => {
    const waiting = restoring(async () => {
      await nextPulse()
      readFileSync(FILE)
    })
    assert.match(
      await messageOf(() => new waiting()),
      /^restore\(\) of the snapshot after command 0 calls fs\.readFileSync/,
    )
  })
})

describe('the determinism guard', () => {
  emitPulses()

  it('accepts what is allowed, and nothing else', async () => {
    const calls = Object.values(CALLS).filter(([, call]) => !/Worker/.test(String(call)))
    const machine = calling(() => calls.map(([, call]) => call() !== call).length)
    const allow = [...new Set(calls.map(([kind]) => kind))]
    await checkStateMachine(() => new machine(), { ...SMALL_CHECK, logs: 1, allow })
    assert.match(
      await messageOf(() => new machine(), { allow: allow.filter((kind) => kind !== 'host') }),
      /calls os\.hostname/,
    )
  })

  it('restores everything that it replaced, exactly', async () => {
    const before = descriptors()
    await messageOf(() => new (calling(() => readFileSync(FILE)))())
    assert.deepEqual(descriptors(), before)
    assert.equal(readFileSync, fs.readFileSync)
    assert.equal(env, process.env)
  })

  it('rejects nothing that other code does meanwhile', async () => {
    let turns = 0
    const work = (): void => {
      turns += [readFileSync(FILE), process.env.HOME, stored.now(), Date.now(), setTimeout(() => {}, 0)].length
    }
    pulse.on('pulse', work)
    try {
      const waiting = restoring(() => nextPulse())
      await checkStateMachine(() => new waiting(), { ...SMALL_CHECK, logs: 1 })
    } finally {
      pulse.off('pulse', work)
    }
    assert.ok(turns > 0)
  })

  it('accepts what Node.js itself calls for the machine', async () => {
    const logging = calling(() => {
      createRequire(FILE)('node:util').inspect({ text: 'a' })
      return [process.env.NODE_ENV ?? '', new Error('no').stack !== undefined].length
    })
    await checkStateMachine(() => new logging(), { ...SMALL_CHECK, logs: 2 })
  })

  it('attributes calls of machines that are checked at the same time', async () => {
    const slow = restoring(async () => {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    })
    const checks = [Sum, slow, Sum, slow].map((machine) => checkStateMachine(() => new machine(), SMALL_CHECK))
    assert.equal((await Promise.all(checks)).length, 4)
  })
})

async function messageOf(machine: () => Sum, options?: { readonly allow: readonly GuardedKind[] }): Promise<string> {
  const error = await checkStateMachine(machine, { ...SMALL_CHECK, ...options }).catch((reason: Error) => reason)
  assert.ok(error instanceof Error, 'nothing was detected')
  return error.message
}

/** Matches the line of this file that contains the text. */
function atLineOf(text: string): RegExp {
  const line = readFileSync(FILE, 'utf8')
    .split('\n')
    .findIndex((each) => each.includes(text))
  return new RegExp(`\\n {2}at .*determinism-guard\\.test\\.ts:${line + 1}:\\d+\\)?\\n`)
}

/** As pairs: the assertions of Node.js 24 find objects with symbols as keys different from themselves. */
function descriptors(): unknown {
  const owners = [globalThis, Date, Date.prototype, Math, fs, fs.promises, process, process.hrtime, Intl]
  return owners.map((owner) => Reflect.ownKeys(owner).map((key) => [key, Object.getOwnPropertyDescriptor(owner, key)]))
}

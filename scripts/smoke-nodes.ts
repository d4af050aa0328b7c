/**
 * `make smoke-nodes`: installs the packed package with several releases of Node.js and their npm, as a user would, and runs a cluster of three
 * processes: a write, SIGKILL of the leader, a write, a restart, a read, connections of strangers. A release that cannot be downloaded is skipped.
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freeRange } from '../src/cli/demo/free-ports.ts'
import type { StatusReport } from '../src/cli/status/status-report.ts'
import { resetCall } from '../test/grpc/shared/reset-call.ts'
import type { NodeRelease } from './node-release.ts'
import { nodeRelease } from './node-release.ts'

const ROOT = join(import.meta.dirname, '..')
const RELEASES = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24', '26']
const IDS = ['n1', 'n2', 'n3'] as const
const FIRST_PORT = 7400
/** A compiler would need minutes; a slow machine does not. */
const INSTALL_TIMEOUT_MS = 120_000
const READY_TIMEOUT_MS = 60_000
/** What strangers send to the port of a node. */
const FOREIGN = [
  'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame',
  '\0'.repeat(64),
  // The newest grpc-js that the package allows is installed here, not that of package-lock.json.
  resetCall('application/grpc', 0),
  resetCall('text/html', 2),
]
const STRANGER_MS = 300

const folder = mkdtempSync(join(tmpdir(), 'quorate-smoke-'))
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

const tarball = pack()
let skipped = 0
for (const wanted of RELEASES) {
  const release = nodeRelease(wanted)
  if (release === undefined) {
    skipped++
    console.log(`Node.js ${wanted}: SKIPPED, it could not be downloaded`)
  } else console.log(await smoke(wanted, release))
}
console.log(
  `${RELEASES.length - skipped} of ${RELEASES.length} releases passed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
)
process.exit()

function pack(): string {
  const args = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder]
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: ROOT, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  return join(folder, (JSON.parse(stdout) as { filename: string }[])[0]?.filename as string)
}

/** Returns the times, in one line. */
async function smoke(wanted: string, { bin, npm }: NodeRelease): Promise<string> {
  const startedAt = performance.now()
  const project = join(folder, `node-${wanted}`)
  const { NODE_OPTIONS: _, ...environment } = process.env
  const env = { ...environment, PATH: `${bin}${delimiter}${process.env.PATH}` }
  const node = join(bin, process.platform === 'win32' ? 'node.exe' : 'node')
  const main = join(project, 'node_modules/quorate/dist/cli/main.js')
  const run = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync(node, args, {
      cwd: project,
      env,
      encoding: 'utf8',
      timeout: INSTALL_TIMEOUT_MS,
    })
    assert.equal(status, 0, `node ${args.join(' ')}: ${stdout}${stderr}`)
    return stdout.trim()
  }

  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "smoke", "private": true }\n')
  run(npm, 'install', '--no-audit', '--no-fund', '--loglevel=error', tarball)
  assert.ok(!existsSync(join(project, 'node_modules/rocksdb')), 'rocksdb was installed unasked')
  const installedMs = performance.now() - startedAt

  const first = await freeRange(FIRST_PORT, IDS.length)
  const addresses = IDS.map((_, at) => `127.0.0.1:${first + at}`)
  const peers = IDS.map((id, at) => `${id}=${addresses[at]}`).join(',')
  const endpoints = ['--endpoints', addresses.join(',')]
  const running = new Map<string, ChildProcess>()
  const serve = (id: string): void => {
    const listen = addresses[IDS.indexOf(id as 'n1')] as string
    const args = [main, 'serve', '--id', id, '--listen', listen, '--peers', peers, '--data-dir', join(project, id)]
    const child = spawn(node, args, { cwd: project, env, stdio: 'ignore' })
    children.add(child)
    running.set(id, child)
  }
  const stop = async (id: string, signal: NodeJS.Signals): Promise<void> => {
    const child = running.get(id) as ChildProcess
    child.kill(signal)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    children.delete(child)
  }
  const quorate = (...args: string[]): string => run(main, ...args, ...endpoints, '--timeout', '30s')
  const statusWhen = async (holds: (status: StatusReport) => boolean): Promise<StatusReport> => {
    for (const until = performance.now() + READY_TIMEOUT_MS; ; await pause(100)) {
      const { stdout } = spawnSync(node, [main, 'status', '-o', 'json', ...endpoints], {
        cwd: project,
        env,
        encoding: 'utf8',
      })
      const status = stdout.startsWith('{') ? (JSON.parse(stdout) as StatusReport) : undefined
      if (status !== undefined && holds(status)) return status
      assert.ok(performance.now() < until, `the cluster is not ready: ${stdout}`)
    }
  }

  for (const id of IDS) serve(id)
  const isReady = ({ leader, votersUp }: StatusReport): boolean => leader !== undefined && votersUp === IDS.length
  const { leader, nodes } = await statusWhen(isReady)
  quorate('put', 'before', 'one')
  assert.equal(quorate('get', 'before'), 'one')
  await stop(leader as string, 'SIGKILL')
  quorate('put', 'after', 'two')
  serve(leader as string)
  await statusWhen(isReady)
  const restarted = addresses[IDS.indexOf(leader as 'n1')] as string
  for (const [key, value] of [
    ['before', 'one'],
    ['after', 'two'],
  ] as const)
    assert.equal(run(main, 'get', key, '--endpoints', restarted, '--timeout', '30s'), value)
  await Promise.all(addresses.flatMap((address) => FOREIGN.map((text) => connectAndSend(address, text))))
  for (const [id, { exitCode, signalCode }] of running)
    assert.equal(exitCode ?? signalCode, null, `a stranger ended ${id} under Node.js ${wanted}`)
  for (const id of IDS) await stop(id, 'SIGTERM')
  const storage = nodes[0]?.storage
  const [total, installed] = [performance.now() - startedAt, installedMs].map((ms) => `${(ms / 1000).toFixed(1)} s`)
  return `Node.js ${run('--version')}, npm ${run(npm, '--version')}: passed in ${total} (installed in ${installed}; storage ${storage})`
}

/** Waits until the other end has closed the connection, or for a moment. */
async function connectAndSend(address: string, text: string | Buffer): Promise<void> {
  const [host, port] = address.split(':')
  const socket = connect({ host: host as string, port: Number(port) })
  socket.on('error', () => undefined).resume()
  socket.write(text)
  await Promise.race([new Promise((resolve) => socket.once('close', resolve)), pause(STRANGER_MS)])
  socket.destroy()
}

/** The functions and values of Node.js that depend on files, the process, the host, the network, or other threads. */
import { nodeModule } from '../../platform/node-modules.ts'
import type { ForbiddenCall, ForbiddenValue, GuardedKind } from './forbidden-call.ts'

const REMEDIES = {
  files:
    'Files differ between nodes, and a node that restarts may find other contents than it wrote: put what is read into the command before it is proposed, and keep all state in the machine and its snapshot.',
  environment: 'Each node has environment variables of its own: put the value into the command before it is proposed.',
  process:
    'Each node is another process, and a node that restarts is a new one: put the value into the command before it is proposed.',
  host: 'Each node runs on another host: put the value into the command before it is proposed.',
  network:
    'Each node would get another answer, or none, and again after a restart: make the request before you propose, and put what it returns into the command.',
  childProcesses:
    'Each node would run it, and again after a restart, and get a result of its own: run it before you propose, and put the result into the command.',
  threads: 'A thread runs at another speed on each node: do all work at once.',
} as const

type SystemKind = keyof typeof REMEDIES

/** The guarded functions of each module. `'*'` stands for all functions of the module. */
const MODULES: readonly (readonly [SystemKind, string, '*' | readonly string[]])[] = [
  ['files', 'fs', '*'],
  ['files', 'fs/promises', '*'],
  ['host', 'os', '*'],
  ['childProcesses', 'child_process', '*'],
  ['childProcesses', 'cluster', ['fork', 'disconnect']],
  ['threads', 'worker_threads', ['Worker', 'receiveMessageOnPort', 'BroadcastChannel']],
  ['network', 'net', ['connect', 'createConnection', 'createServer', 'Socket', 'Server']],
  ['network', 'http', ['get', 'request', 'createServer', 'ClientRequest']],
  ['network', 'https', ['get', 'request', 'createServer']],
  ['network', 'http2', ['connect', 'createServer', 'createSecureServer']],
  ['network', 'dgram', ['createSocket']],
  ['network', 'dns', '*'],
  ['network', 'dns/promises', '*'],
  ['network', 'tls', ['connect', 'createServer']],
  ['process', 'v8', ['getHeapStatistics', 'getHeapSpaceStatistics', 'getHeapCodeStatistics', 'writeHeapSnapshot']],
]

const PROCESS_FUNCTIONS = [
  ...['cwd', 'chdir', 'umask', 'memoryUsage', 'cpuUsage', 'threadCpuUsage', 'resourceUsage', 'availableMemory'],
  ...['constrainedMemory', 'getActiveResourcesInfo', 'getuid', 'geteuid', 'getgid', 'getegid', 'getgroups', 'exit'],
  ...['kill', 'abort', 'loadEnvFile'],
]
const PROCESS_VALUES = [
  ...['pid', 'ppid', 'argv', 'execArgv', 'execPath', 'title', 'version', 'versions', 'release', 'arch', 'platform'],
]
const NAVIGATOR_VALUES = ['hardwareConcurrency', 'language', 'languages', 'platform', 'userAgent']

export function systemCalls(): ForbiddenCall[] {
  const calls = MODULES.flatMap(([kind, module, names]) => functionsOf(kind, module, names))
  const web = ['fetch', 'WebSocket', 'EventSource']
  return [
    ...calls,
    ...web.map((name) => forbid('network', globalThis, name, name === 'fetch' ? 'fetch()' : `new ${name}()`)),
    forbid('threads', globalThis.MessagePort?.prototype ?? {}, 'postMessage', 'postMessage() of a MessagePort'),
    ...['wait', 'waitAsync'].map((name) => forbid('threads', Atomics, name, `Atomics.${name}()`)),
    forbid('process', process.memoryUsage, 'rss', 'process.memoryUsage.rss()'),
    ...PROCESS_FUNCTIONS.map((name) => forbid('process', process, name, `process.${name}()`)),
  ]
}

export function processValues(): ForbiddenValue[] {
  return [
    { ...forbid('environment', process, 'env', 'process.env'), isObject: true },
    ...PROCESS_VALUES.map((name) => forbid('process', process, name, `process.${name}`)),
  ]
}

/** Node.js has `navigator` from 21 on. */
export function hostValues(): ForbiddenValue[] {
  const { navigator } = globalThis as { readonly navigator?: object }
  const owner = navigator === undefined ? {} : (Object.getPrototypeOf(navigator) as object)
  return NAVIGATOR_VALUES.map((name) => forbid('host', owner, name, `navigator.${name}`))
}

function functionsOf(kind: SystemKind, module: string, names: '*' | readonly string[]): ForbiddenCall[] {
  const owner = nodeModule<object>(`node:${module}`) ?? {}
  const isFunction = (name: string): boolean => /^[a-z]/.test(name)
  const chosen = names === '*' ? Object.keys(owner).filter(isFunction) : names
  const title = module.replace('/', '.')
  return chosen.map((name) =>
    forbid(kind, owner, name, isFunction(name) ? `${title}.${name}()` : `new ${title}.${name}()`),
  )
}

function forbid<Kind extends SystemKind & GuardedKind>(
  kind: Kind,
  owner: object,
  name: string,
  displayName: string,
): ForbiddenCall {
  const optOut = `If every node gets the same, allow it: { allow: ['${kind}'] }.`
  return { kind, owner, name, displayName, remedy: `${REMEDIES[kind]} ${optOut}` }
}

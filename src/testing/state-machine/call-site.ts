/** Finds out who made a call, from the stack: Node.js itself, or the user's code, and on which line. */
import { nodeModule } from '../../platform/node-modules.ts'

type AnyFunction = (...args: never[]) => unknown

/** More frames than a call through a library needs. */
const FRAMES_MAX = 50
/** Node.js's own wrappers that call a function of the user: `promisify(fs.readFile)` is a call of fs.readFile. */
const TRANSPARENT = /^node:(?:internal\/)?util(?:$|\/)/

/** Whether `called` was called by Node.js itself, or to format a stack, and not by the user's code. */
export function isInternalCall(called: AnyFunction): boolean {
  const sites = callersOf(called)
  const [caller] = sites.map((site) => site.getFileName()).filter((file) => typeof file === 'string')
  if (caller?.startsWith('node:') === true && !TRANSPARENT.test(caller)) return true
  return sites.some((site) => site.getFunctionName()?.endsWith('prepareStackTrace') === true)
}

/**
 * The line of the call, as the stack shows it: with the source maps of the loader, if it has any. If a package makes the call, the line of
 * the user's code that led to it follows.
 */
export function describeCallSite(called: AnyFunction): string {
  const holder: { readonly stack?: string } = {}
  capturing(() => Error.captureStackTrace(holder, called))
  // Source maps are applied when the stack is read.
  const lines = (holder.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  const first = lines[0]
  if (first === undefined) return ''
  const ended = lines.findIndex(isOfThisPackage)
  const own = lines.slice(0, ended < 0 ? lines.length : ended).find(isOfUser)
  return [first, ...(own === undefined || own === first ? [] : [own])]
    .map((line) => `\n  ${line.trim().replace(/file:\/\/[^\s)]+/, plainPath)}`)
    .join('')
}

/** The frames below the last call of `called`, without source maps. */
function callersOf(called: AnyFunction): readonly NodeJS.CallSite[] {
  const holder: { readonly stack?: readonly NodeJS.CallSite[] } = {}
  const prepare = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
  capturing(() => {
    Error.prepareStackTrace = (_, sites) => sites
    try {
      Error.captureStackTrace(holder, called)
      return holder.stack
    } finally {
      if (prepare === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace')
      else Object.defineProperty(Error, 'prepareStackTrace', prepare)
    }
  })
  return holder.stack ?? []
}

function capturing(capture: () => unknown): void {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = FRAMES_MAX
  try {
    capture()
  } finally {
    Error.stackTraceLimit = limit
  }
}

let packageDirectories: readonly string[] | undefined

/** The directories of this package in which its code is: as written, and as compiled. In a classic script of a browser they are unknown. */
function directoriesOfPackage(): readonly string[] {
  const url: string | undefined = import.meta.url
  packageDirectories ??=
    url === undefined ? [] : ['src', 'dist'].map((name) => plainPath(new URL(`../../../${name}/`, url).href))
  return packageDirectories
}

/** Whether a line of a stack is in the code of this package. */
export function isOfThisPackage(line: string): boolean {
  const path = line.replace(/file:\/\/[^\s)]+/, plainPath)
  return directoriesOfPackage().some((directory) => path.includes(directory))
}

function isOfUser(line: string): boolean {
  return /[\\/]/.test(line) && !/[\\/]node_modules[\\/]|\bnode:/.test(line)
}

/** `file:///home/you/locks.ts:11:22` as a path. */
function plainPath(url: string): string {
  const [, file = url, place = ''] = /^(.*?)((?::\d+)*)$/.exec(url) ?? []
  try {
    return `${nodeModule<typeof import('node:url')>('node:url')?.fileURLToPath(file) ?? file}${place}`
  } catch {
    return url
  }
}

/** The functions that a state machine must not call, because their results differ between nodes or over time. */
import { nodeModule } from '../../platform/node-modules.ts'

/** A guarded function: the object it belongs to, its name in messages, and what to use instead. */
export interface ForbiddenCall {
  readonly owner: object
  readonly name: string
  /** The call as a person writes it: `Date.now()`. */
  readonly displayName: string
  readonly remedy: string
  /** Whether the call is deterministic with these arguments. By default it never is. */
  isAllowed?(args: readonly unknown[], isNew: boolean): boolean
}

const REMEDIES = {
  time: 'Each node applies a command at a different time, and again after a restart: put the time into the command before it is proposed.',
  randomness: 'Each node would get a different value: generate it before you propose, and put it into the command.',
  timers:
    'A timer fires between different commands on each node: do all work at once, and propose a command when the time has come.',
  locale: `Nodes may run under different locales: pass one ('en'), or compare with < and >.`,
  timeZone: 'Nodes may run in different time zones: use the UTC methods, or toISOString().',
} as const

const LOCAL_PARTS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes']
const LOCAL_TEXTS = ['toString', 'toDateString', 'toTimeString', 'getTimezoneOffset', 'getYear']
const FORMATTERS = ['NumberFormat', 'Collator', 'PluralRules', 'RelativeTimeFormat', 'ListFormat', 'Segmenter']
const RANDOM_FUNCTIONS = ['randomUUID', 'randomBytes', 'randomInt', 'randomFillSync', 'randomFill']
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate']

/** All guarded functions that exist in this version of Node.js. */
export function forbiddenCalls(): ForbiddenCall[] {
  return [...clockCalls(), ...randomCalls(), ...timerCalls(), ...timeZoneCalls(), ...localeCalls()].filter(
    ({ owner, name }) => typeof (owner as Record<string, unknown>)[name] === 'function',
  )
}

function clockCalls(): ForbiddenCall[] {
  const remedy = REMEDIES.time
  return [
    { owner: Date, name: 'now', displayName: 'Date.now()', remedy },
    {
      owner: globalThis,
      name: 'Date',
      displayName: 'new Date()',
      remedy,
      isAllowed: (args, isNew) => isNew && args.length > 0,
    },
    { owner: findPropertyOwner(performance, 'now'), name: 'now', displayName: 'performance.now()', remedy },
    { owner: process.hrtime, name: 'bigint', displayName: 'process.hrtime.bigint()', remedy },
    { owner: process, name: 'hrtime', displayName: 'process.hrtime()', remedy },
    { owner: process, name: 'uptime', displayName: 'process.uptime()', remedy },
  ]
}

function randomCalls(): ForbiddenCall[] {
  const remedy = REMEDIES.randomness
  const web = ['randomUUID', 'getRandomValues'].map((name) => ({
    owner: findPropertyOwner(globalThis.crypto, name),
    name,
    displayName: `crypto.${name}()`,
    remedy,
  }))
  const node = RANDOM_FUNCTIONS.map((name) => ({
    owner: nodeModule('node:crypto') ?? {},
    name,
    displayName: `crypto.${name}()`,
    remedy,
  }))
  return [{ owner: Math, name: 'random', displayName: 'Math.random()', remedy }, ...web, ...node]
}

function timerCalls(): ForbiddenCall[] {
  const owners = [globalThis, nodeModule('node:timers') ?? {}, nodeModule('node:timers/promises') ?? {}]
  return owners.flatMap((owner) =>
    TIMERS.map((name) => ({ owner, name, displayName: `${name}()`, remedy: REMEDIES.timers })),
  )
}

function timeZoneCalls(): ForbiddenCall[] {
  const names = [...LOCAL_TEXTS, ...LOCAL_PARTS.flatMap((part) => [`get${part}`, `set${part}`])]
  return names.map((name) => ({
    owner: Date.prototype,
    name,
    displayName: `${name}() of a Date`,
    remedy: REMEDIES.timeZone,
  }))
}

function localeCalls(): ForbiddenCall[] {
  const remedy = REMEDIES.locale
  const isNamed = ([locale]: readonly unknown[]): boolean => locale !== undefined
  const isNamedSecond = ([, locale]: readonly unknown[]): boolean => locale !== undefined
  const hasZone = ([locale, options]: readonly unknown[]): boolean =>
    locale !== undefined && (options as { readonly timeZone?: string } | undefined)?.timeZone !== undefined
  const dated = ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']
  return [
    ...[Number, Array, BigInt].map(({ name, prototype }) => ({
      owner: prototype,
      name: 'toLocaleString',
      displayName: `toLocaleString() of ${name}`,
      remedy,
      isAllowed: isNamed,
    })),
    ...['toLocaleLowerCase', 'toLocaleUpperCase'].map((name) => ({
      owner: String.prototype,
      name,
      displayName: `${name}()`,
      remedy,
      isAllowed: isNamed,
    })),
    {
      owner: String.prototype,
      name: 'localeCompare',
      displayName: 'localeCompare()',
      remedy,
      isAllowed: isNamedSecond,
    },
    ...dated.map((name) => ({
      owner: Date.prototype,
      name,
      displayName: `${name}() of a Date`,
      remedy: `${remedy} ${REMEDIES.timeZone}`,
      isAllowed: hasZone,
    })),
    ...FORMATTERS.map((name) => ({ owner: Intl, name, displayName: `Intl.${name}()`, remedy, isAllowed: isNamed })),
    {
      owner: Intl,
      name: 'DateTimeFormat',
      displayName: 'Intl.DateTimeFormat()',
      remedy: `${remedy} Pass the timeZone too.`,
      isAllowed: hasZone,
    },
  ]
}

/** The object on the prototype chain that has the property as its own. */
function findPropertyOwner(object: object, name: string): object {
  let holder: object | null = object
  while (holder !== null && !Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder) as object | null
  return holder ?? object
}

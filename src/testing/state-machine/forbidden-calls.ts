/** What a state machine must not ask for, because the answer differs from node to node or from moment to moment. */
import { createRequire } from 'node:module'

/** One function that is watched: where it is found, how it is written, and what to do instead. */
export interface ForbiddenCall {
  readonly owner: object
  readonly name: string
  /** As a person would write it. */
  readonly written: string
  readonly instead: string
  /** With such arguments it gives the same everywhere; never, unless said. */
  isAllowed?(args: readonly unknown[], isNew: boolean): boolean
}

const REMEDIES = {
  time: 'Every node applies a command at a time of its own, and again after a restart: put the time into the command before it is proposed.',
  chance: 'Every node would draw another value: draw it before, and put it into the command that is proposed.',
  later:
    'What happens later happens between other commands on every node: do all at once, and let whoever waited propose a command.',
  locale: `Nodes may run under other locales: name one ('en'), or compare with < and >.`,
  zone: 'Nodes may run in other time zones: use what has UTC in its name, or toISOString().',
} as const

const LOCAL_PARTS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes']
const LOCAL_TEXTS = ['toString', 'toDateString', 'toTimeString', 'getTimezoneOffset', 'getYear']
const FORMATTERS = ['NumberFormat', 'Collator', 'PluralRules', 'RelativeTimeFormat', 'ListFormat', 'Segmenter']
const RANDOM_FUNCTIONS = ['randomUUID', 'randomBytes', 'randomInt', 'randomFillSync', 'randomFill']
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate']

/** All of them, as they are found now. */
export function forbiddenCalls(): ForbiddenCall[] {
  return [...clockCalls(), ...randomCalls(), ...timerCalls(), ...timeZoneCalls(), ...localeCalls()].filter(
    ({ owner, name }) => typeof (owner as Record<string, unknown>)[name] === 'function',
  )
}

function clockCalls(): ForbiddenCall[] {
  const instead = REMEDIES.time
  return [
    { owner: Date, name: 'now', written: 'Date.now()', instead },
    {
      owner: globalThis,
      name: 'Date',
      written: 'new Date()',
      instead,
      isAllowed: (args, isNew) => isNew && args.length > 0,
    },
    { owner: findPropertyOwner(performance, 'now'), name: 'now', written: 'performance.now()', instead },
    { owner: process.hrtime, name: 'bigint', written: 'process.hrtime.bigint()', instead },
    { owner: process, name: 'hrtime', written: 'process.hrtime()', instead },
    { owner: process, name: 'uptime', written: 'process.uptime()', instead },
  ]
}

function randomCalls(): ForbiddenCall[] {
  const instead = REMEDIES.chance
  const web = ['randomUUID', 'getRandomValues'].map((name) => ({
    owner: findPropertyOwner(globalThis.crypto, name),
    name,
    written: `crypto.${name}()`,
    instead,
  }))
  const node = RANDOM_FUNCTIONS.map((name) => ({
    owner: nodeModule('node:crypto'),
    name,
    written: `crypto.${name}()`,
    instead,
  }))
  return [{ owner: Math, name: 'random', written: 'Math.random()', instead }, ...web, ...node]
}

function timerCalls(): ForbiddenCall[] {
  const owners = [globalThis, nodeModule('node:timers'), nodeModule('node:timers/promises')]
  return owners.flatMap((owner) =>
    TIMERS.map((name) => ({ owner, name, written: `${name}()`, instead: REMEDIES.later })),
  )
}

function timeZoneCalls(): ForbiddenCall[] {
  const names = [...LOCAL_TEXTS, ...LOCAL_PARTS.flatMap((part) => [`get${part}`, `set${part}`])]
  return names.map((name) => ({
    owner: Date.prototype,
    name,
    written: `${name}() of a Date`,
    instead: REMEDIES.zone,
  }))
}

function localeCalls(): ForbiddenCall[] {
  const instead = REMEDIES.locale
  const isNamed = ([locale]: readonly unknown[]): boolean => locale !== undefined
  const isNamedSecond = ([, locale]: readonly unknown[]): boolean => locale !== undefined
  const hasZone = ([locale, options]: readonly unknown[]): boolean =>
    locale !== undefined && (options as { readonly timeZone?: string } | undefined)?.timeZone !== undefined
  const dated = ['toLocaleString', 'toLocaleDateString', 'toLocaleTimeString']
  return [
    ...[Number, Array, BigInt].map(({ name, prototype }) => ({
      owner: prototype,
      name: 'toLocaleString',
      written: `toLocaleString() of ${name}`,
      instead,
      isAllowed: isNamed,
    })),
    ...['toLocaleLowerCase', 'toLocaleUpperCase'].map((name) => ({
      owner: String.prototype,
      name,
      written: `${name}()`,
      instead,
      isAllowed: isNamed,
    })),
    { owner: String.prototype, name: 'localeCompare', written: 'localeCompare()', instead, isAllowed: isNamedSecond },
    ...dated.map((name) => ({
      owner: Date.prototype,
      name,
      written: `${name}() of a Date`,
      instead: `${instead} ${REMEDIES.zone}`,
      isAllowed: hasZone,
    })),
    ...FORMATTERS.map((name) => ({ owner: Intl, name, written: `Intl.${name}()`, instead, isAllowed: isNamed })),
    {
      owner: Intl,
      name: 'DateTimeFormat',
      written: 'Intl.DateTimeFormat()',
      instead: `${instead} Name the timeZone too.`,
      isAllowed: hasZone,
    },
  ]
}

/** A module of Node as it can be changed: what `require` gives. */
function nodeModule(name: string): object {
  return createRequire(import.meta.url)(name) as object
}

/** The object that has the property itself, on the chain of prototypes. */
function findPropertyOwner(object: object, name: string): object {
  let holder: object | null = object
  while (holder !== null && !Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder) as object | null
  return holder ?? object
}

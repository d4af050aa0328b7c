/** Rules about words: no private vocabulary, and titles of tests that can be understood alone. */
import type { Repository, RepositoryFile } from './repository.ts'
import type { Rule } from './rule.ts'

/** Words that this project used for its own ideas, with the standard terms for them. */
const STANDARD_TERMS: Readonly<Record<string, string>> = {
  house: 'repository or module',
  room: 'module, folder or file; free space',
  door: 'entry point or method',
  storey: 'layer',
  roster: 'membership view',
  shelf: 'snapshot retention',
  gate: 'peer admission',
  weather: 'network conditions',
  mishap: 'fault',
  onlooker: 'observer',
  tampering: 'interceptors',
  judge: 'check or checker',
  exhibit: 'known bug',
  museum: 'known bugs',
  story: 'scenario, trace or history',
  stories: 'scenarios, traces or histories',
  told: 'written, recorded, reported or received',
  sealed: 'checksummed',
  mend: 'fix, repair or update',
  office: 'leadership',
  surely: 'certainly',
  anew: 'again',
  'turned away': 'rejected',
  'goes on': 'continues',
  nobody: 'no node, no caller or nothing',
  somebody: 'a node, a caller or something',
  whoever: 'the node that …, a caller that …',
  'any more': 'no longer',
  'for ever': 'forever, indefinitely or permanently',
}

/** Files that need a word: for an old form that is still accepted, a name, or a format whose words cannot change. */
const EXCEPTIONS: readonly (readonly [path: RegExp, ...words: readonly string[]])[] = [
  [/^test\/tidy\/word-rules\.ts$/, ...Object.keys(STANDARD_TERMS)],
  // The page that is called "Bug museum", the links to it, and the programs that write and test it.
  [/^(README|CONTRIBUTING)\.md$|^docs\/|^scripts\/known-bugs\.ts$|^test\/known-bugs\//, 'museum'],
  // Former names.
  [/^CHANGELOG\.md$/, 'weather', 'tampering', 'onlooker', 'judge', 'nobody', 'told', 'goes on', 'museum', 'story'],
  // Version 1 of run files.
  [/^docs\/reference\/run-files\.md$|\/run-file\.ts$|run-file\.test\.ts$/, 'weather', 'tampering'],
  // Fields and sentences that are part of the state hash, of traces and of violations.
  [/^src\/testing\/simulation\/simulated-network\.ts$/, 'weather'],
  [/^src\/testing\/text\/format-effects\.ts$|^src\/testing\/properties\/persist-before-send\.ts$/, 'told'],
  [/^test\/simulation\/report\.test\.ts$/, 'told'],
  // Former names of flags.
  [/^chaos\/main\.ts$/, 'judge'],
  [/^scripts\/known-bugs\.ts$/, 'story'],
]

/** A name of an event, which users store and compare. */
const EVENT_NAME = 'toldRemoved'

/** Matches a word also in plural, in camel case and with a capital letter. */
const PRIVATE_WORD = new RegExp(
  Object.keys(STANDARD_TERMS)
    .map((word) => `(?<![A-Za-z])[${word[0]}${word[0]?.toUpperCase()}]${word.slice(1)}(?=s?(?![a-z]))`)
    .join('|'),
  'g',
)

const FRAGMENT = /\b(?:it|describe)\(\s*['"`](?:but|and|nor|also|not even)\b/i

export const wordRules: readonly Rule[] = [
  {
    statement: 'no file uses a private word where a standard term exists',
    remedy: `Use the standard term, or add an exception to test/tidy/word-rules.ts:\n${termList()}`,
    violations: (repository) =>
      repository.flatMap((file) =>
        linesOf(file).flatMap(({ line, place }) =>
          privateWordsIn(line)
            .filter((word) => !isException(file.path, word))
            .map((word) => `${place}: '${word}' (${STANDARD_TERMS[word]}): ${line.trim().slice(0, 100)}`),
        ),
      ),
    rejected: [
      { 'src/a.ts': '// Nobody leads.' },
      { 'src/a.ts': 'export function judgeHistory(): void {}' },
      { 'test/a.test.ts': `it('mends the log', () => {})` },
      { 'README.md': 'It runs for ever.' },
    ],
    accepted: [
      { 'src/a.ts': 'const delegate = investigate(housing, bedroom)' },
      { 'docs/a.md': 'See the [bug museum](reference/museum.md).' },
    ],
  },
  {
    statement: 'no title of a test begins with but, and, nor, also or not even',
    remedy: 'Write a sentence that can be understood without the title before it.',
    violations: (repository) => fragmentTitlesOf(repository),
    rejected: [
      { 'test/a.test.ts': `it('but not twice', () => {})` },
      { 'test/a.test.ts': "describe(\n  'And again', () => {})" },
    ],
    accepted: [{ 'test/a.test.ts': `it('votes once', () => {})\nit('androids vote too', () => {})` }],
  },
]

function termList(): string {
  return Object.entries(STANDARD_TERMS)
    .map(([word, term]) => `  ${word}: ${term}`)
    .join('\n')
}

function linesOf({ path, text }: RepositoryFile): { line: string; place: string }[] {
  return text.split('\n').map((line, at) => ({ line, place: `${path}:${at + 1}` }))
}

function privateWordsIn(line: string): string[] {
  return [...line.replaceAll(EVENT_NAME, '').matchAll(PRIVATE_WORD)].map(([word]) => word.toLowerCase())
}

function isException(path: string, word: string): boolean {
  return EXCEPTIONS.some(([pattern, ...words]) => pattern.test(path) && words.includes(word))
}

function fragmentTitlesOf(repository: Repository): string[] {
  return repository
    .filter((file) => file.path.startsWith('test/') && !file.path.startsWith('test/tidy/'))
    .flatMap((file) => (FRAGMENT.test(file.text) ? [`${file.path}: ${FRAGMENT.exec(file.text)?.[0]}`] : []))
}

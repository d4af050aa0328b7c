/** Checks the text of the repository against the rules in test/tidy, and each rule against its examples. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { documentRules } from './tidy/document-rules.ts'
import { importRules } from './tidy/import-rules.ts'
import type { Repository } from './tidy/repository.ts'
import { readRepository, repositoryOf } from './tidy/repository.ts'
import type { Rule } from './tidy/rule.ts'
import { textRules } from './tidy/text-rules.ts'
import { wordRules } from './tidy/word-rules.ts'

const ROOT = join(import.meta.dirname, '..')
const RULES: readonly Rule[] = [...importRules, ...textRules, ...wordRules, ...documentRules]

/** The rule about commit subjects applies to the commits after this one. */
const LAST_UNCHECKED_COMMIT = '3fa3746'
const SUBJECT_LENGTH_MAX = 72

describe('the repository', () => {
  const repository = wholeRepository()
  for (const rule of RULES) it(`follows the rule: ${rule.statement}`, () => assertFollowed(rule, repository))

  it(`has commit subjects of the form "area: change" with at most ${SUBJECT_LENGTH_MAX} characters`, () => {
    const bad = commitSubjects().filter(
      (subject) => subject.length > SUBJECT_LENGTH_MAX || !/^[a-z][\w ,.-]*: \S/.test(subject),
    )
    assert.deepEqual(bad, [])
  })
})

describe('each tidy rule', () => {
  for (const rule of RULES) {
    it(`rejects and accepts its examples: ${rule.statement}`, () => {
      for (const files of rule.rejected)
        assert.notDeepEqual(rule.violations(repositoryOf(files)), [], describeFiles(files))
      for (const files of rule.accepted ?? [])
        assert.deepEqual(rule.violations(repositoryOf(files)), [], describeFiles(files))
    })
  }
})

function assertFollowed(rule: Rule, repository: Repository): void {
  const violations = rule.violations(repository)
  assert.ok(
    violations.length === 0,
    `${rule.statement}:\n${violations.map((line) => `  ${line}\n`).join('')}${rule.remedy}`,
  )
}

/** Subjects of the commits to check; empty outside a checkout, and in one that lacks the older history. */
function commitSubjects(): string[] {
  const range = `${LAST_UNCHECKED_COMMIT}..HEAD`
  const { status, stdout } = spawnSync('git', ['log', '--no-merges', '--format=%s', range], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  return status === 0 ? stdout.split('\n').filter((subject) => subject !== '') : []
}

/** Every text file that is written by hand. */
function wholeRepository(): Repository {
  const folders = [
    'src',
    'test',
    'examples',
    'bench',
    'chaos',
    'scripts',
    'pages',
    'site',
    'docs',
    'proto',
    'ops',
  ].filter((name) => existsSync(join(ROOT, name)))
  const inside = folders.flatMap((name) =>
    readdirSync(join(ROOT, name), { recursive: true, encoding: 'utf8' }).map((path) => `${name}/${path}`),
  )
  const paths = [...readdirSync(ROOT), ...inside].filter((path) => !path.includes('node_modules'))
  return readRepository(
    ROOT,
    paths.filter((path) => /\.(ts|tsx|cjs|md|proto|svg)$|^ops\/.*(\.(yml|yaml|json|service)|Dockerfile)$/.test(path)),
  )
}

function describeFiles(files: Readonly<Record<string, string>>): string {
  return Object.entries(files)
    .map(([path, text]) => `${path}:\n${text.slice(0, 200)}`)
    .join('\n')
}

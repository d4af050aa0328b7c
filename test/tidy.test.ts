/** The house rules, as checks over the text of the repository; each says what to do, and each has shown that it can fail. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { documentRules } from './tidy/document-rules.ts'
import type { House } from './tidy/house.ts'
import { houseAt, houseOf } from './tidy/house.ts'
import { importRules } from './tidy/import-rules.ts'
import type { Rule } from './tidy/rule.ts'
import { textRules } from './tidy/text-rules.ts'

const ROOT = join(import.meta.dirname, '..')
const RULES: readonly Rule[] = [...importRules, ...textRules, ...documentRules]

describe('the house is tidy', () => {
  const house = wholeHouse()
  for (const rule of RULES) it(rule.law, () => assertKept(rule, house))
})

describe('the tidy rules', () => {
  for (const rule of RULES) {
    it(`notice the breach of: ${rule.law}`, () => {
      for (const files of rule.rejects) assert.notDeepEqual(rule.breaches(houseOf(files)), [], describeHouse(files))
      for (const files of rule.accepts ?? []) assert.deepEqual(rule.breaches(houseOf(files)), [], describeHouse(files))
    })
  }
})

function assertKept(rule: Rule, house: House): void {
  const breaches = rule.breaches(house)
  assert.ok(breaches.length === 0, `${rule.law}:\n${breaches.map((line) => `  ${line}\n`).join('')}${rule.remedy}`)
}

/** Every text file we write by hand. */
function wholeHouse(): House {
  const folders = ['src', 'test', 'examples', 'bench', 'chaos', 'scripts', 'docs', 'proto'].filter((name) =>
    existsSync(join(ROOT, name)),
  )
  const inside = folders.flatMap((name) =>
    readdirSync(join(ROOT, name), { recursive: true, encoding: 'utf8' }).map((path) => `${name}/${path}`),
  )
  const paths = [...readdirSync(ROOT), ...inside].filter((path) => !path.includes('node_modules'))
  return houseAt(
    ROOT,
    paths.filter((path) => /\.(ts|cjs|md|proto)$/.test(path)),
  )
}

function describeHouse(files: Readonly<Record<string, string>>): string {
  return Object.entries(files)
    .map(([path, text]) => `${path}:\n${text.slice(0, 200)}`)
    .join('\n')
}

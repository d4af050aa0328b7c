/** Rules about the text of files: opening sentence, length, names, syntax, and what the core must not use. */
import { basename } from 'node:path'
import ts from 'typescript'
import { filesUnder, locationOf, nodesOf, type RepositoryFile, sourceFiles } from './repository.ts'
import type { Rule } from './rule.ts'

const LINES_MAX = 400

/** Names that give access to time, randomness, asynchrony or output. */
const BANNED_IN_CORE = new Set([
  ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'],
  ...['Promise', 'console', 'process', 'globalThis', 'crypto', 'Buffer', 'require', 'structuredClone'],
])

// Split, so that this file does not break its own rule.
const LEFTOVER_MARKER = new RegExp(`\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['XX', 'X'].join('')})\\b`)

export const textRules: readonly Rule[] = [
  {
    statement: 'every file of src opens with a sentence that describes it',
    remedy:
      'State in the first line what this file is or does: /** … */ or // …, with a capital letter and a full stop.',
    violations: (repository) =>
      sourceFiles(repository)
        .filter(
          (file) => !/^(#!.*\n)?(\/\*\*|\/\/)[\s*]+[^\s*/]/.test(file.text) || !/[.:?]/.test(openingCommentOf(file)),
        )
        .map((file) => file.path),
    rejected: [
      { 'src/core/a.ts': `import './b.ts'\n// The ballot.` },
      { 'src/core/a.ts': `/** */\nexport const a = 1` },
      { 'src/core/a.ts': `// ballot\nexport const a = 1.5` },
    ],
    accepted: [
      { 'src/cli/main.ts': '#!/usr/bin/env node\n/** The command. */\n' },
      { 'src/a.ts': '// A ballot.\n' },
      { 'src/b.ts': '/**\n * A ballot.\n */\n' },
    ],
  },
  {
    statement: `no file of src is longer than ${LINES_MAX} lines`,
    remedy: 'Split the file: a long file usually contains two things; give each its own file and name.',
    violations: (repository) =>
      sourceFiles(repository)
        .filter((file) => lineCount(file) > LINES_MAX)
        .map((file) => `${file.path}: ${lineCount(file)} lines`),
    rejected: [{ 'src/core/a.ts': '// A line.\n'.repeat(LINES_MAX + 1) }],
    accepted: [{ 'src/core/a.ts': '// A line.\n'.repeat(LINES_MAX) }],
  },
  {
    statement: 'files and folders have descriptive names in kebab-case',
    remedy: 'Name the file after its main noun or verb. utils, helpers, common and misc describe nothing.',
    violations: (repository) =>
      repository
        .filter((file) => file.path.endsWith('.ts'))
        .filter((file) => file.path.split('/').some((part) => !isGoodName(part)))
        .map((file) => file.path),
    rejected: [
      { 'src/core/raftLog.ts': '' },
      { 'src/core/Raft.ts': '' },
      { 'src/core/raft_log.ts': '' },
      { 'src/core/utils.ts': '' },
      { 'test/helpers/cluster.ts': '' },
      { 'src/runtime/common.ts': '' },
      { 'bench/misc.ts': '' },
      { 'test/test-helpers.ts': '' },
    ],
    accepted: [{ 'test/paper/5.2-leader-election.test.ts': '', 'src/core/log/raft-log.ts': '' }],
  },
  {
    statement: 'no file contains a marker for unfinished work',
    remedy: 'Finish the work now, or file an issue.',
    violations: (repository) =>
      repository.flatMap((file) =>
        file.text
          .split('\n')
          .flatMap((line, at) => (LEFTOVER_MARKER.test(line) ? `${file.path}:${at + 1}: ${line.trim()}` : [])),
      ),
    rejected: [
      { 'src/core/a.ts': `// ${['TO', 'DO'].join('')}: think` },
      { 'test/a.test.ts': `// ${['FIX', 'ME'].join('')} later` },
      { 'README.md': `${['TO', 'DO'].join('')}` },
    ],
  },
  {
    statement: 'no enum, namespace, decorator or default export',
    remedy:
      'Use a union of string literals, a module, a function call or a named export: types must be erasable, and exports easy to search for.',
    violations: (repository) =>
      sourceFiles(repository).flatMap((file) =>
        [...nodesOf(file.tree)].filter(isBannedSyntax).map((node) => `${locationOf(file, node)}: ${firstLine(node)}`),
      ),
    rejected: [
      { 'src/core/a.ts': 'export enum Role { Leader }' },
      { 'src/core/a.ts': 'export const enum Role { Leader }' },
      { 'src/core/a.ts': 'export namespace Roles { export const a = 1 }' },
      { 'src/core/a.ts': '@frozen class A {}' },
      { 'src/core/a.ts': 'export default class A {}' },
      { 'src/core/a.ts': 'const a = 1; export default a' },
    ],
    accepted: [{ 'src/rocksdb/binding.ts': `declare module 'rocksdb' { export const open: () => void }` }],
  },
  {
    statement: 'the core uses no clock, no randomness, no asynchrony and no output',
    remedy: 'Pass the time as an argument and randomness as a seed; return effects for I/O, and events for operators.',
    violations: (repository) =>
      filesUnder(repository, 'src/core/').flatMap((file) =>
        [...nodesOf(file.tree)].filter(isImpure).map((node) => `${locationOf(file, node)}: ${firstLine(node)}`),
      ),
    rejected: [
      { 'src/core/a.ts': 'export const now = Date.now()' },
      { 'src/core/a.ts': 'export const now = performance.now()' },
      { 'src/core/a.ts': 'export const dice = Math.random()' },
      { 'src/core/a.ts': 'export async function a() {}' },
      { 'src/core/a.ts': 'export const a: Promise<void> = b' },
      { 'src/core/a.ts': 'await b' },
      { 'src/core/a.ts': 'export const a = { console }' },
      { 'src/core/a.ts': 'setTimeout(a, 1)' },
      { 'src/core/a.ts': 'console.log(1)' },
      { 'src/core/a.ts': 'for (const key in members) b(key)' },
    ],
    accepted: [
      {
        'src/core/a.ts':
          '// Not the Date, not Math.random().\nexport const a = Math.max(1, 2)\ntype B = { now: number }',
      },
      { 'src/core/a.ts': 'class Outbox { process() { return this.process } }' },
      { 'src/runtime/a.ts': 'export const now = Date.now()' },
    ],
  },
  {
    statement: 'no test is skipped or run alone',
    remedy: 'Remove .only and .skip. Delete a test that cannot run; fix one that fails.',
    violations: (repository) =>
      filesUnder(repository, 'test/').flatMap((file) =>
        [...nodesOf(file.tree)].filter(isOnlyOrSkip).map((node) => `${locationOf(file, node)}: ${firstLine(node)}`),
      ),
    rejected: [
      { 'test/a.test.ts': `it.only('counts', () => {})` },
      { 'test/a.test.ts': `describe.skip('a log', () => {})` },
      { 'test/a.test.ts': `xit('counts', () => {})` },
    ],
    accepted: [{ 'test/a.test.ts': `it('skips two entries', () => { cursor.skip(2) })` }],
  },
]

/** The first comment of a file, without a `#!` line. */
function openingCommentOf(file: RepositoryFile): string {
  const text = file.text.replace(/^#!.*\n/, '')
  return text.startsWith('/*') ? text.slice(0, text.indexOf('*/')) : (text.split('\n')[0] ?? '')
}

function lineCount(file: RepositoryFile): number {
  return file.text.trimEnd().split('\n').length
}

function isGoodName(part: string): boolean {
  const words = basename(part, '.ts')
    .replace(/\.test$/, '')
    .split(/[-.]/)
  const isKebab = words.every((word) => /^[a-z0-9]+$/.test(word))
  return isKebab && !words.some((word) => /^(utils?|helpers?|common|misc)$/.test(word))
}

function isBannedSyntax(node: ts.Node): boolean {
  if (ts.isEnumDeclaration(node) || ts.isDecorator(node) || ts.isExportAssignment(node)) return true
  if (ts.isModuleDeclaration(node)) return ts.isIdentifier(node.name) && node.name.text !== 'global'
  return node.kind === ts.SyntaxKind.DefaultKeyword && !ts.isDefaultClause(node.parent)
}

function isImpure(node: ts.Node): boolean {
  if (node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node)) return true
  if (ts.isForInStatement(node)) return true
  if (ts.isIdentifier(node)) return BANNED_IN_CORE.has(node.text) && !isNameOfMember(node)
  return ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random'
}

/** Whether this is `a` in `b.a`, in `{ a: 1 }` or in the declaration of a method: not a global name. */
function isNameOfMember(node: ts.Identifier): boolean {
  const { parent } = node
  return 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent)
}

function isOnlyOrSkip(node: ts.Node): boolean {
  return (
    ts.isCallExpression(node) &&
    /^((describe|it|context)\.(only|skip)|[xf](it|describe))$/.test(node.expression.getText())
  )
}

function firstLine(node: ts.Node): string {
  return node.getText().split('\n')[0] ?? ''
}

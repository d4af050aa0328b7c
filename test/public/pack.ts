/** Packs the package as `npm publish` would, once per test run, and creates projects that install it. */
import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const ROOT: string = join(import.meta.dirname, '..', '..')

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly devDependencies: Readonly<Record<string, string>>
}

export interface PackedPackage {
  readonly tarball: string
  /** The paths of its files: 'dist/index.js', … */
  readonly contents: readonly string[]
}

let temporaryRoot: string | undefined
let packed: PackedPackage | undefined
process.once('exit', removeTemporary)

export function manifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
}

export function pack(): PackedPackage {
  packed ??= packInto(temporaryDirectory())
  return packed
}

/** Creates an empty project and installs the tarball, Node's types, and the given development packages. */
export function createProject(name: string, others: readonly string[], npmArguments: readonly string[] = []): string {
  const directory = join(temporaryDirectory(), name)
  mkdirSync(directory)
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
  const packages = ['@types/node', ...others].map((each) => `${each}@${manifest().devDependencies[each]}`)
  // Without scripts: under newer releases of Node the one of rocksdb compiles for many minutes.
  const quiet = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error']
  const installed = run('npm', ['install', ...quiet, ...npmArguments, pack().tarball, ...packages], directory)
  assert.equal(installed.status, 0, installed.stderr)
  return directory
}

/** Runs a program to its end, without this process's NODE_OPTIONS, and returns its output. */
export function run(program: string, args: readonly string[], cwd: string): SpawnSyncReturns<string> {
  const { NODE_OPTIONS: _, ...env } = process.env
  return spawnSync(program, args, { cwd, env, encoding: 'utf8', timeout: 240_000, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Compiles files of the project to JavaScript beside them, with TypeScript's strictest checks. */
export function compile(directory: string, ...files: readonly string[]): SpawnSyncReturns<string> {
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--verbatimModuleSyntax']
  const target = ['--target', 'es2022', '--module', 'nodenext', '--types', 'node']
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  return run(process.execPath, [compiler, ...strict, ...target, ...files], directory)
}

function packInto(directory: string): PackedPackage {
  assert.ok(existsSync(join(ROOT, 'dist/index.js')), 'dist/ is not built: run make build first')
  const output = run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', directory],
    ROOT,
  )
  assert.equal(output.status, 0, output.stderr)
  const [report] = JSON.parse(output.stdout) as { filename: string; files: { path: string }[] }[]
  assert.ok(report !== undefined, 'npm pack reported nothing')
  return { tarball: join(directory, report.filename), contents: report.files.map((file) => file.path) }
}

function temporaryDirectory(): string {
  temporaryRoot ??= mkdtempSync(join(tmpdir(), 'quorate-package-'))
  return temporaryRoot
}

function removeTemporary(): void {
  if (temporaryRoot !== undefined) rmSync(temporaryRoot, { recursive: true, force: true })
}

/** Runs the `quorate` command from src, transpiled once per test run, as a process or within this one. */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { transformSync } from 'esbuild'
import { run as runProgram } from '../../src/cli/program.ts'
import type { Terminal } from '../../src/cli/terminal.ts'

const ROOT = join(import.meta.dirname, '..', '..')

let main: string | undefined
const children = new Set<ChildProcess>()

/** The transpiled entry point. Types are not checked here. */
export function mainFile(): string {
  main ??= transpile(ROOT)
  return main
}

/** Transpiles the sources of a revision that is checked out in `source`, and returns its entry point. Its packages are those of this repository. */
export function transpile(source: string): string {
  const root = mkdtempSync(join(tmpdir(), 'quorate-e2e-command-'))
  process.once('exit', () => rmSync(root, { recursive: true, force: true }))
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  for (const name of ['package.json', 'proto']) symlinkSync(join(source, name), join(root, name))
  const files = readdirSync(join(source, 'src'), { recursive: true, encoding: 'utf8' })
  for (const file of files.filter((each) => each.endsWith('.ts'))) {
    const { code } = transformSync(readFileSync(join(source, 'src', file), 'utf8'), { loader: 'ts', target: 'es2022' })
    const target = join(root, 'dist', file.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, code.replaceAll(RELATIVE_IMPORT, '$1.js"'))
  }
  const pages = join(source, 'dist', 'pages')
  if (existsSync(pages)) symlinkSync(pages, join(root, 'dist', 'pages'))
  return join(root, 'dist', 'cli', 'main.js')
}

/** Matches relative imports as esbuild prints them. */
const RELATIVE_IMPORT = /((?:from |import |import\()"\.[^"]*)\.ts"/g

export interface CommandResult {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCommand {
  readonly child: ChildProcess
  readonly pid: number
  readonly finished: Promise<CommandResult>
  stdout(): string
  stderr(): string
}

export interface StartOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** The entry point of another revision. */
  readonly main?: string | undefined
  /** The most files and connections that the process may open (`ulimit -n`). */
  readonly descriptorsMax?: number | undefined
}

/** Starts the command as a process, which is killed when the tests end at the latest. */
export function start(args: readonly string[], options: StartOptions = {}): RunningCommand {
  const { QUORATE_ENDPOINTS: _, NODE_OPTIONS: __, ...environment } = process.env
  const words = [process.execPath, options.main ?? mainFile(), ...args]
  if (options.descriptorsMax !== undefined)
    words.unshift('bash', '-c', `ulimit -n ${options.descriptorsMax} && exec "$@"`, 'bash')
  const [program, ...programArgs] = words as [string, ...string[]]
  const child = spawn(program, programArgs, {
    cwd: options.cwd ?? tmpdir(),
    env: { ...environment, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  children.add(child)
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const finished = new Promise<CommandResult>((resolve) => {
    child.once('close', (exitCode, signal) => {
      children.delete(child)
      resolve({ exitCode, signal, stdout, stderr })
    })
  })
  return { child, pid: child.pid ?? 0, finished, stdout: () => stdout, stderr: () => stderr }
}

/** Runs the command as a process to its end. */
export function run(args: readonly string[], options: StartOptions = {}): Promise<CommandResult> {
  return start(args, options).finished
}

/** Runs the command within this process, which is about twenty times faster. With an `answer` to its questions, it has a terminal. */
export async function runInProcess(args: readonly string[], input = '', answer?: string): Promise<CommandResult> {
  let [stdout, stderr] = ['', '']
  const terminal: Terminal = {
    out: (text) => {
      stdout += Buffer.from(text).toString()
    },
    err: (text) => {
      stderr += text
    },
    isTty: false,
    ask: async (question) => {
      if (answer !== undefined) stderr += question
      return answer
    },
    readInput: async () => Buffer.from(input),
  }
  const exitCode = await runProgram(args, terminal, '0.0.0')
  return { exitCode, signal: null, stdout, stderr }
}

process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

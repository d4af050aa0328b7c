/** Compiles the measured processes, so that they import the built package by its name, as a consumer does. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'

const ROOT = join(import.meta.dirname, '..')
const PROCESSES = ['node', 'client', 'skeleton'] as const

export type ProcessName = (typeof PROCESSES)[number]

/** Runs `use` with a folder that holds one JavaScript file for each process; removes it afterwards. */
export async function withBuiltProcesses<T>(use: (folder: string) => Promise<T>): Promise<T> {
  // Inside the repository: Node resolves `quorate` from there through the `exports` of package.json.
  const folder = await mkdtemp(join(ROOT, 'dist.bench-'))
  try {
    const { metafile } = await build({
      entryPoints: PROCESSES.map((name) => join(import.meta.dirname, 'processes', `${name}.ts`)),
      outdir: folder,
      ...{ bundle: true, format: 'esm', platform: 'node', target: 'node20', packages: 'external', logLevel: 'warning' },
      // The paths of tsconfig.json lead to src.
      tsconfigRaw: {},
      metafile: true,
    })
    for (const input of Object.keys(metafile.inputs)) assertOutside(input)
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Resolves with the address of the module that the processes in a folder import as `quorate`. */
export async function resolvePackage(folder: string): Promise<string> {
  const code = `process.stdout.write(import.meta.resolve('quorate'))`
  const { NODE_OPTIONS: _, ...env } = process.env
  const flags = ['--input-type=module', '--eval', code]
  const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: folder, env })
  assertBuilt(stdout)
  return stdout
}

/** Throws unless the address of a module, as a measured process resolved it, is in dist. */
export function assertBuilt(module: string): void {
  const expected = new URL('../dist/', import.meta.url).href
  if (!module.startsWith(expected))
    throw new Error(`the measured processes import quorate from ${module}, not from ${expected}: nothing is measured`)
}

/** Throws if a file of src became part of a measured process. */
function assertOutside(input: string): void {
  if (!relative(import.meta.dirname, resolve(input)).startsWith('processes'))
    throw new Error(`the measured processes contain ${input}; they must import the built package: nothing is measured`)
}

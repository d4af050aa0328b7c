/** Builds the simulator from edited sources into a temporary file, so that no known bug is ever part of the package. */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { build } from 'esbuild'
import type { Edit } from './known-bug.ts'
import type * as Simulator from './simulator.ts'

export type MutantKit = typeof Simulator

const ROOT = join(import.meta.dirname, '..', '..')
const ENTRY_POINT = join(import.meta.dirname, 'simulator.ts')
const OUTPUT_DIRECTORY = join(ROOT, 'node_modules', '.cache', 'quorate-known-bugs')

/** Disables the nodes' own assertions, so that only a property can detect the bug. */
const ASSERTIONS_OFF: Edit = { file: 'src/core/assert.ts', from: 'if (!condition)', to: 'if (false as boolean)' }

/** Builds and imports the simulator with these edits. Without any, only the assertions are disabled. */
export async function buildMutant(name: string, edits: readonly Edit[]): Promise<MutantKit> {
  return importEdited<MutantKit>(name, ENTRY_POINT, [ASSERTIONS_OFF, ...edits])
}

/** Builds and imports a source file and all that it imports, with these edits. */
export async function importEdited<Exports>(
  name: string,
  entryPoint: string,
  edits: readonly Edit[],
): Promise<Exports> {
  await mkdir(OUTPUT_DIRECTORY, { recursive: true })
  const outfile = join(OUTPUT_DIRECTORY, `${name}.${process.pid}.mjs`)
  await build({
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    plugins: [
      {
        name: 'known-bug',
        setup: ({ onLoad }) => {
          onLoad({ filter: /\.ts$/ }, async ({ path }) => {
            const file = relative(ROOT, path).split(sep).join('/')
            return { contents: applyEdits(file, await readFile(path, 'utf8'), edits), loader: 'ts' }
          })
        },
      },
    ],
  })
  try {
    return await import(outfile)
  } finally {
    await rm(outfile, { force: true })
  }
}

/** Rejects with the first edit whose text does not occur exactly once in the sources. */
export async function assertEditsApply(edits: readonly Edit[]): Promise<void> {
  for (const file of new Set(edits.map((edit) => edit.file)))
    applyEdits(file, await readFile(join(ROOT, file), 'utf8'), edits)
}

function applyEdits(file: string, text: string, edits: readonly Edit[]): string {
  let changed = text
  for (const { from, to } of edits.filter((edit) => edit.file === file)) {
    const count = changed.split(from).length - 1
    if (count !== 1)
      throw new Error(
        `a known bug must be adapted to changed sources: its text occurs ${count} times in ${file}, not once:\n${from}`,
      )
    changed = changed.replace(from, () => to)
  }
  return changed
}

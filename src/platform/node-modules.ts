/** Node's own modules for code that also runs in a browser. */

/**
 * Returns a module of Node.js, or undefined in a browser. It is no import statement, so that a bundler for browsers has nothing to replace.
 *
 * @example
 * const zlib = nodeModule<typeof import('node:zlib')>('node:zlib')
 */
export function nodeModule<Module extends object>(name: `node:${string}`): Module | undefined {
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> }
  return process?.getBuiltinModule?.(name) as Module | undefined
}

/** The version of this package, as nodes tell it to each other; a test compares it with package.json. */
export const VERSION = '0.1.0'
